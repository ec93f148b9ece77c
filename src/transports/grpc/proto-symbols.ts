import type { DescFile } from '@bufbuild/protobuf';
import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';

/** These files and whatever they import, by name. */
export function withImports(files: readonly DescFile[]): ReadonlyMap<string, DescFile> {
  const found = new Map<string, DescFile>();
  const add = (file: DescFile): void => {
    const { name } = file.proto;
    if (found.has(name)) return;
    found.set(name, file);
    file.dependencies.forEach(add);
  };
  files.forEach(add);
  return found;
}

/** What files declare. */
export interface ProtoSymbols {
  /** The file of each message, field, oneof, enum, value, service, method and extension, by full name. */
  readonly files: ReadonlyMap<string, DescFile>;
  /** The files of the extensions of each message, by full name and number. */
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, DescFile>>;
  /** Full names of all messages. */
  readonly messages: ReadonlySet<string>;
}

export function protoSymbolsOf(all: Iterable<DescFile>): ProtoSymbols {
  const files = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  const messages = new Set<string>();
  for (const file of all) {
    const declare = (scope: string, name: string): string => {
      const full = scope === '' ? name : `${scope}.${name}`;
      files.set(full, file);
      return full;
    };
    const declareEnum = (scope: string, { name, value }: EnumDescriptorProto): void => {
      declare(scope, name);
      // Values of an enum are its siblings.
      for (const each of value) declare(scope, each.name);
    };
    const declareExtension = (scope: string, { name, number, extendee }: FieldDescriptorProto): void => {
      declare(scope, name);
      const extended = extendee.replace(/^\./, '');
      const numbers = extensions.get(extended) ?? new Map<number, DescFile>();
      extensions.set(extended, numbers.set(number, file));
    };
    const declareMessage = (scope: string, message: DescriptorProto): void => {
      const full = declare(scope, message.name);
      messages.add(full);
      for (const { name } of [...message.field, ...message.oneofDecl]) declare(full, name);
      for (const nested of message.nestedType) declareMessage(full, nested);
      for (const nested of message.enumType) declareEnum(full, nested);
      for (const nested of message.extension) declareExtension(full, nested);
    };
    const proto: FileDescriptorProto = file.proto;
    for (const message of proto.messageType) declareMessage(proto.package, message);
    for (const each of proto.enumType) declareEnum(proto.package, each);
    for (const each of proto.extension) declareExtension(proto.package, each);
    for (const service of proto.service) {
      const full = declare(proto.package, service.name);
      for (const { name } of service.method) declare(full, name);
    }
  }
  return { files, extensions, messages };
}
