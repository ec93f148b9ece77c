import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { WIRE_BYTES, WIRE_FIXED32, WIRE_FIXED64, WIRE_VARINT } from './wire.ts';

/**
 * The types of `feast.types.Value`. A ValueType's number is the field number of its arm in `Value.val`, for every type
 * that has an arm; the two are used interchangeably here.
 */

/** How the content of an arm is laid out. */
export type ValueKind =
  | 'bytes'
  | 'string'
  | 'int32'
  | 'int64'
  | 'double'
  | 'float'
  | 'bool'
  | 'unix_timestamp'
  | 'uuid'
  | 'decimal'
  | 'json'
  | 'map'
  | 'null'
  | 'scalar_map'
  | 'zoned_timestamp'
  | 'value';

export interface ValueTypeInfo {
  readonly type: ValueType_Enum;
  /** `INT64_LIST` */
  readonly name: string;
  /** Name of the oneof arm in the protocol, `int64_list_val`. */
  readonly arm: string;
  /** Layout of the value, or of each element of a list or set. */
  readonly kind: ValueKind;
  /** Protobuf wire type of the value, or of each element of a list or set that is not packed. */
  readonly wireType: number;
  readonly shape: 'scalar' | 'list' | 'set';
  /** The type of an element of a list or set, where it has one of its own. */
  readonly element: ValueType_Enum | undefined;
}

type Row = readonly [name: keyof typeof ValueType_Enum, kind: ValueKind];

const scalars: readonly Row[] = [
  ['BYTES', 'bytes'],
  ['STRING', 'string'],
  ['INT32', 'int32'],
  ['INT64', 'int64'],
  ['DOUBLE', 'double'],
  ['FLOAT', 'float'],
  ['BOOL', 'bool'],
  ['UNIX_TIMESTAMP', 'unix_timestamp'],
  ['NULL', 'null'],
  ['MAP', 'map'],
  ['JSON', 'json'],
  ['STRUCT', 'map'],
  ['UUID', 'uuid'],
  ['TIME_UUID', 'uuid'],
  ['DECIMAL', 'decimal'],
  ['SCALAR_MAP', 'scalar_map'],
  ['ZONED_TIMESTAMP', 'zoned_timestamp'],
];

const infoByType = new Map<number, ValueTypeInfo>();
const infoByName = new Map<string, ValueTypeInfo>();

function wireTypeOf(kind: ValueKind): number {
  switch (kind) {
    case 'int32':
    case 'int64':
    case 'bool':
    case 'unix_timestamp':
    case 'null':
      return WIRE_VARINT;
    case 'double':
      return WIRE_FIXED64;
    case 'float':
      return WIRE_FIXED32;
    default:
      return WIRE_BYTES;
  }
}

function add(row: Omit<ValueTypeInfo, 'wireType'>): void {
  const info = { ...row, wireType: wireTypeOf(row.kind) };
  infoByType.set(info.type, info);
  infoByName.set(info.name, info);
}

for (const [name, kind] of scalars) {
  const type = ValueType_Enum[name];
  add({ type, name, arm: `${name.toLowerCase()}_val`, kind, shape: 'scalar', element: undefined });
  for (const shape of ['list', 'set'] as const) {
    const collection = `${name}_${shape.toUpperCase()}`;
    if (!(collection in ValueType_Enum)) continue;
    add({
      type: ValueType_Enum[collection as keyof typeof ValueType_Enum],
      name: collection,
      arm: `${collection.toLowerCase()}_val`,
      kind,
      shape,
      element: type,
    });
  }
}
const nested = { kind: 'value', element: undefined } as const;
add({ ...nested, type: ValueType_Enum.VALUE_LIST, name: 'VALUE_LIST', arm: 'list_val', shape: 'list' });
add({ ...nested, type: ValueType_Enum.VALUE_SET, name: 'VALUE_SET', arm: 'set_val', shape: 'set' });

// Feast's Python knows two more types; the protocol has no number for them, their values are plain bytes.
const pythonOnly: ReadonlyMap<number, string> = new Map([
  [30, 'PDF_BYTES'],
  [31, 'IMAGE_BYTES'],
]);

/** Everything about a type that has an arm; `undefined` for INVALID and for numbers that nobody knows. */
export function valueTypeInfo(type: ValueType_Enum): ValueTypeInfo | undefined {
  return infoByType.get(pythonOnly.has(type) ? ValueType_Enum.BYTES : type);
}

/** Every type that has an arm, in the order of their numbers. */
export function valueTypes(): readonly ValueTypeInfo[] {
  return [...infoByType.values()].sort((a, b) => a.type - b.type);
}

/** `INT64`, `STRING_LIST`, …; `INVALID` for 0, and `UNKNOWN(99)` for a number that nobody knows. */
export function valueTypeName(type: ValueType_Enum): string {
  if (type === ValueType_Enum.INVALID) return 'INVALID';
  return pythonOnly.get(type) ?? infoByType.get(type)?.name ?? `UNKNOWN(${type})`;
}

/** The type of a name such as `INT64`, in any case; `undefined` for other names. */
export function valueTypeFromName(name: string): ValueType_Enum | undefined {
  const upper = name.toUpperCase();
  if (upper === 'INVALID' || upper === 'UNKNOWN') return ValueType_Enum.INVALID;
  for (const [number, known] of pythonOnly) if (known === upper) return number as ValueType_Enum;
  return infoByName.get(upper)?.type;
}

/** Field number of the oneof arm that holds values of a type; 0 for a type without one. */
export function armOfValueType(type: ValueType_Enum): number {
  return valueTypeInfo(type)?.type ?? 0;
}

/** The type whose values stand in the arm with this field number; INVALID where there is none. */
export function valueTypeOfArm(arm: number): ValueType_Enum {
  return infoByType.get(arm)?.type ?? ValueType_Enum.INVALID;
}
