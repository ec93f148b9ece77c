import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { nestedTypeTag, scalarNames, scalarTypes, structSchemaTag } from './feast-type.ts';
import { type ExactJson, parseJsonExact } from './json-exact.ts';
import { valueTypeInfo, valueTypeName } from './value-type.ts';

/**
 * A feature's type as Feast's Python shows it: `Int64`, `Array(String)`, `Array(Set(Int64))`, `Struct({a: Int64})`. What stands
 * inside nested lists and structs is taken from the feature's tags; without them the names are `Array`, `Set` and `Struct`.
 */
export function dtypeName(type: ValueType_Enum, tags: Readonly<Record<string, string>> = {}): string {
  const nested = tags[nestedTypeTag];
  const schema = tags[structSchemaTag];
  switch (type) {
    case ValueType_Enum.VALUE_LIST:
    case ValueType_Enum.VALUE_SET:
      return nested === undefined ? plainName(type) : typeExpression(nested);
    case ValueType_Enum.STRUCT:
      return structName(schema);
    case ValueType_Enum.STRUCT_LIST:
      return `Array(${structName(schema)})`;
    default:
      return plainName(type);
  }
}

function plainName(type: ValueType_Enum): string {
  return valueTypeInfo(type)?.dtype ?? valueTypeName(type);
}

/** `Array(INT64)`, as tags have it, to `Array(Int64)`. */
function typeExpression(text: string): string {
  return text.replace(/[A-Z][A-Z0-9_]+/g, (name) => scalarNames.find((known) => scalarTypes[known] === name) ?? name);
}

function structName(schema: string | undefined): string {
  return structOf(schema === undefined ? undefined : parsed(schema));
}

function structOf(fields: ExactJson | undefined): string {
  if (!(fields instanceof Map)) return 'Struct';
  return `Struct({${[...fields].map(([name, type]) => `${name}: ${fieldType(type)}`).join(', ')}})`;
}

/** A field's type is a name, or a JSON text `{"__struct__": {…}}` for a struct inside a struct. */
function fieldType(type: ExactJson): string {
  if (typeof type !== 'string') return 'Struct';
  const inner = type.startsWith('{') ? parsed(type) : undefined;
  return inner instanceof Map ? structOf(inner.get('__struct__')) : typeExpression(type);
}

/** Tags come from users: one that is not JSON changes a display name, nothing else. */
function parsed(text: string): ExactJson | undefined {
  try {
    return parseJsonExact(text);
  } catch {
    return undefined;
  }
}
