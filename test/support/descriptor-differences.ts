import { isFieldSet, toJson } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileOptionsSchema,
  MessageOptionsSchema,
  type ServiceDescriptorProto,
} from '@bufbuild/protobuf/wkt';

/** What a file declares, as one line per declaration: where it stands, and what it says. */
type Facts = Map<string, string>;

/**
 * Compares two sets of protobuf files declaration by declaration and in both directions. Gives one readable line per
 * difference, none when they agree. What means nothing is not compared: comments, and the order of files, imports,
 * fields and values.
 */
export function descriptorDifferences(
  published: readonly FileDescriptorProto[],
  ours: readonly FileDescriptorProto[],
): string[] {
  const expected = factsFromFiles(published);
  const actual = factsFromFiles(ours);
  const differences: string[] = [];
  for (const [where, fact] of expected) {
    const found = actual.get(where);
    if (found === undefined) {
      differences.push(`missing: ${where} = ${fact}`);
    } else if (found !== fact) {
      differences.push(`differs: ${where}: published ${fact}, ours ${found}`);
    }
  }
  for (const [where, fact] of actual) {
    if (!expected.has(where)) {
      differences.push(`not published: ${where} = ${fact}`);
    }
  }
  return differences;
}

function factsFromFiles(files: readonly FileDescriptorProto[]): Facts {
  const facts: Facts = new Map();
  for (const file of files) {
    facts.set(`file ${file.name}`, `syntax ${file.syntax || 'proto2'}, package "${file.package}"`);
    facts.set(`file ${file.name}, imports`, [...file.dependency].sort().join(' '));
    facts.set(`file ${file.name}, public imports`, file.publicDependency.map((i) => file.dependency[i]).join(' '));
    for (const [option, value] of Object.entries(file.options ? toJson(FileOptionsSchema, file.options) : {})) {
      facts.set(`file ${file.name}, option ${option}`, JSON.stringify(value));
    }
    const scope = file.package === '' ? '' : `${file.package}.`;
    for (const message of file.messageType) addMessage(facts, file.name, scope, message);
    for (const enumeration of file.enumType) addEnum(facts, file.name, scope, enumeration);
    for (const service of file.service) addService(facts, file.name, scope, service);
    for (const extension of file.extension) facts.set(`extension ${scope}${extension.name}`, `in ${file.name}`);
  }
  return facts;
}

function addMessage(facts: Facts, file: string, scope: string, message: DescriptorProto): void {
  const where = `message ${scope}${message.name}`;
  const options = message.options ? JSON.stringify(toJson(MessageOptionsSchema, message.options)) : '{}';
  facts.set(where, `in ${file}, options ${options}`);
  for (const oneof of message.oneofDecl) {
    facts.set(`${where}, oneof ${oneof.name}`, 'declared');
  }
  for (const field of message.field) {
    facts.set(`${where}, field ${field.number}`, fieldFact(message, field));
  }
  addReserved(facts, where, message.reservedName, message.reservedRange, 1);
  const inner = `${scope}${message.name}.`;
  for (const nested of message.nestedType) addMessage(facts, file, inner, nested);
  for (const enumeration of message.enumType) addEnum(facts, file, inner, enumeration);
}

function fieldFact(message: DescriptorProto, field: FieldDescriptorProto): string {
  const label = FieldDescriptorProto_Label[field.label]?.toLowerCase();
  const kind = FieldDescriptorProto_Type[field.type]?.toLowerCase();
  const type = field.typeName === '' ? kind : `${kind} ${field.typeName.replace(/^\./, '')}`;
  // Without a oneof the index reads as 0, which is a oneof's index too.
  const inOneof = isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex);
  return [
    `${label === 'optional' ? '' : `${label} `}${type} ${field.name}`,
    `JSON name ${field.jsonName || defaultJsonName(field.name)}`,
    ...(inOneof ? [`oneof ${message.oneofDecl[field.oneofIndex]?.name}`] : []),
    ...(field.proto3Optional ? ['explicit presence'] : []),
    ...(field.options ? [`options ${JSON.stringify(toJson(FieldOptionsSchema, field.options))}`] : []),
  ].join(', ');
}

function addEnum(facts: Facts, file: string, scope: string, enumeration: EnumDescriptorProto): void {
  const where = `enum ${scope}${enumeration.name}`;
  facts.set(where, `in ${file}${enumeration.options?.allowAlias ? ', aliases allowed' : ''}`);
  for (const value of enumeration.value) {
    facts.set(`${where}, value ${value.name}`, String(value.number));
  }
  addReserved(facts, where, enumeration.reservedName, enumeration.reservedRange, 0);
}

function addService(facts: Facts, file: string, scope: string, service: ServiceDescriptorProto): void {
  const where = `service ${scope}${service.name}`;
  facts.set(where, `in ${file}`);
  for (const method of service.method) {
    const request = `${method.clientStreaming ? 'stream ' : ''}${method.inputType}`;
    const response = `${method.serverStreaming ? 'stream ' : ''}${method.outputType}`;
    facts.set(`${where}, method ${method.name}`, `(${request}) returns (${response})`);
  }
}

/** The end of a range is excluded in messages (`beyond` 1) and included in enums (`beyond` 0). */
function addReserved(
  facts: Facts,
  where: string,
  names: readonly string[],
  ranges: readonly { start: number; end: number }[],
  beyond: 0 | 1,
): void {
  for (const name of names) {
    facts.set(`${where}, reserved name ${name}`, 'reserved');
  }
  for (const { start, end } of ranges) {
    facts.set(`${where}, reserved numbers from ${start}`, `to ${end - beyond}`);
  }
}

/** protoc's rule: an underscore goes, and the letter after it becomes a capital. */
function defaultJsonName(name: string): string {
  return name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase());
}
