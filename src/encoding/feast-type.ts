import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { type ExactJson, parseJsonExact } from './json-exact.ts';
import { jsonDocumentText } from './python-text.ts';
import { valueTypeFromName, valueTypeInfo, valueTypeName } from './value-type.ts';

/**
 * A feature's type as definitions spell it. In a registry it is a `ValueType` and, for what that cannot say, a tag of the feature.
 * Source of names, tags and of what may stand inside what: `types.py` and `field.py` of Feast 0.67.
 */
export type FeastType =
  | { readonly kind: 'scalar'; readonly name: ScalarName }
  | { readonly kind: 'array' | 'set'; readonly of: FeastType }
  | { readonly kind: 'struct'; readonly fields: ReadonlyMap<string, FeastType> };

export type ScalarName = keyof typeof scalarTypes;

/** Feast's scalar types, with the names that its tags have for them. */
export const scalarTypes = {
  Int32: 'INT32',
  Int64: 'INT64',
  Float32: 'FLOAT32',
  Float64: 'FLOAT64',
  String: 'STRING',
  Bytes: 'BYTES',
  Bool: 'BOOL',
  UnixTimestamp: 'UNIX_TIMESTAMP',
  ZonedTimestamp: 'ZONED_TIMESTAMP',
  Decimal: 'DECIMAL',
  Uuid: 'UUID',
  TimeUuid: 'TIME_UUID',
  Json: 'JSON',
  Map: 'MAP',
  ScalarMap: 'SCALAR_MAP',
  PdfBytes: 'PDF_BYTES',
  ImageBytes: 'IMAGE_BYTES',
} as const;

export const scalarNames = Object.keys(scalarTypes) as readonly ScalarName[];

/** Names of types that a text can start with. */
export const typeNames: readonly string[] = [...scalarNames, 'Array', 'Set', 'Struct'];

/** Tags under which Feast's registry keeps what a ValueType cannot say. */
export const nestedTypeTag = 'feast:nested_inner_type';
export const structSchemaTag = 'feast:struct_schema';

/** How deep types may stand inside each other. */
export const MAX_TYPE_DEPTH = 16;

/** The type of a list or set of scalars, where Feast has one. */
export function collectionOf(name: ScalarName, word: 'Array' | 'Set'): ValueType_Enum | undefined {
  const element = valueTypeName(scalarValueType(name));
  return valueTypeFromName(`${element}_${word === 'Array' ? 'LIST' : 'SET'}`);
}

function scalarValueType(name: ScalarName): ValueType_Enum {
  const tagName = scalarTypes[name];
  const valueName = { FLOAT32: 'FLOAT', FLOAT64: 'DOUBLE' }[tagName as string] ?? tagName;
  return valueTypeFromName(valueName) ?? ValueType_Enum.INVALID;
}

/** As Feast's Python prints it. */
export function formatFeastType(type: FeastType): string {
  switch (type.kind) {
    case 'scalar':
      return type.name;
    case 'array':
      return `Array(${formatFeastType(type.of)})`;
    case 'set':
      return `Set(${formatFeastType(type.of)})`;
    case 'struct':
      return `Struct({${[...type.fields].map(([name, of]) => `${fieldName(name)}: ${formatFeastType(of)}`).join(', ')}})`;
  }
}

function fieldName(name: string): string {
  return /^[^\s"'{}(),:]+$/.test(name) ? name : JSON.stringify(name);
}

/** How a registry holds a type. */
export interface RegistryType {
  readonly valueType: ValueType_Enum;
  /** Tags that the feature gets beside its own. */
  readonly tags: Readonly<Record<string, string>>;
}

export function registryTypeFromFeastType(type: FeastType): RegistryType {
  switch (type.kind) {
    case 'scalar':
      return { valueType: scalarValueType(type.name), tags: {} };
    case 'struct':
      return { valueType: ValueType_Enum.STRUCT, tags: { [structSchemaTag]: structSchema(type.fields) } };
    default:
      return collectionRegistryType(type.kind, type.of);
  }
}

function collectionRegistryType(kind: 'array' | 'set', of: FeastType): RegistryType {
  if (of.kind === 'struct') {
    return { valueType: ValueType_Enum.STRUCT_LIST, tags: { [structSchemaTag]: structSchema(of.fields) } };
  }
  if (of.kind === 'scalar') {
    const word = kind === 'array' ? 'Array' : 'Set';
    return { valueType: collectionOf(of.name, word) ?? ValueType_Enum.INVALID, tags: {} };
  }
  const valueType = kind === 'array' ? ValueType_Enum.VALUE_LIST : ValueType_Enum.VALUE_SET;
  return { valueType, tags: { [nestedTypeTag]: tagText({ kind, of }) } };
}

/** A struct's fields as the tag has them: JSON as Python's `json.dumps` writes it. */
function structSchema(fields: ReadonlyMap<string, FeastType>): string {
  return jsonDocumentText(new Map([...fields].map(([name, type]) => [name, tagText(type)])));
}

function tagText(type: FeastType): string {
  switch (type.kind) {
    case 'scalar':
      return scalarTypes[type.name];
    case 'array':
      return `Array(${tagText(type.of)})`;
    case 'set':
      return `Set(${tagText(type.of)})`;
    case 'struct': {
      const fields = new Map([...type.fields].map(([name, of]) => [name, tagText(of)]));
      return jsonDocumentText(new Map([['__struct__', fields]]));
    }
  }
}

/** The type that a registry holds; nothing where it cannot be told, as of a Struct whose tag is missing. */
export function feastTypeFromRegistry(
  valueType: ValueType_Enum,
  tags: Readonly<Record<string, string>>,
): FeastType | undefined {
  const scalar = scalarNames.find((name) => scalarValueType(name) === valueType);
  if (scalar !== undefined) return { kind: 'scalar', name: scalar };
  switch (valueType) {
    case ValueType_Enum.STRUCT:
      return structFromTag(tags[structSchemaTag]);
    case ValueType_Enum.STRUCT_LIST: {
      const of = structFromTag(tags[structSchemaTag]);
      return of === undefined ? undefined : { kind: 'array', of };
    }
    case ValueType_Enum.VALUE_LIST:
    case ValueType_Enum.VALUE_SET:
      return typeFromTag(tags[nestedTypeTag] ?? '', 0);
    default: {
      const info = valueTypeInfo(valueType);
      const of = info?.element === undefined ? undefined : feastTypeFromRegistry(info.element, {});
      return of === undefined ? undefined : { kind: info?.shape === 'set' ? 'set' : 'array', of };
    }
  }
}

function typeFromTag(text: string, depth: number): FeastType | undefined {
  if (depth > MAX_TYPE_DEPTH) return undefined;
  const [, word, inner = ''] = /^(Array|Set)\((.*)\)$/s.exec(text) ?? [];
  if (word !== undefined) {
    const of = typeFromTag(inner, depth + 1);
    return of === undefined ? undefined : { kind: word === 'Array' ? 'array' : 'set', of };
  }
  if (text.startsWith('{')) {
    const parsed = parsedTag(text);
    return parsed instanceof Map ? structFromFields(parsed.get('__struct__'), depth) : undefined;
  }
  const scalar = scalarNames.find((name) => scalarTypes[name] === text);
  return scalar === undefined ? undefined : { kind: 'scalar', name: scalar };
}

function structFromTag(text: string | undefined): FeastType | undefined {
  return text === undefined ? undefined : structFromFields(parsedTag(text), 0);
}

function structFromFields(parsed: ExactJson | undefined, depth: number): FeastType | undefined {
  if (!(parsed instanceof Map) || parsed.size === 0) return undefined;
  const fields = new Map<string, FeastType>();
  for (const [name, text] of parsed) {
    const type = typeof text === 'string' ? typeFromTag(text, depth + 1) : undefined;
    if (type === undefined) return undefined;
    fields.set(name, type);
  }
  return { kind: 'struct', fields };
}

function parsedTag(text: string): ExactJson | undefined {
  try {
    return parseJsonExact(text);
  } catch {
    return undefined;
  }
}
