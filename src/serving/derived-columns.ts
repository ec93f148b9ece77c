import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import type { EntityKeyDeclaration } from '../config/entity-key-schema.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { decodeTypedValue } from '../encoding/value.ts';
import { valueTypeName } from '../encoding/value-type.ts';
import { utf8Size, varintSize, writeUtf8, writeVarint } from '../encoding/wire.ts';
import type { KeyColumn, KeySource } from './entity-keys.ts';
import { ServingError } from './serving-error.ts';
import { type ColumnValue, columnText, surrogateKey } from './surrogate-key.ts';

/** A join key that a request leaves to Sideboard. */
export interface DerivedColumn {
  readonly declaration: EntityKeyDeclaration;
  /** Request column of each of the declared columns, in their order. */
  readonly columns: readonly number[];
}

const STRING_TAG = 0x12;

/**
 * The columns of a request, and behind them the join keys that are made from them, as if the caller had sent those as text.
 * @throws ServingError `INVALID_ENTITY_VALUE`, `MALFORMED_REQUEST`
 */
export function withDerivedColumns(request: KeySource, derived: readonly DerivedColumn[], rows: number): KeySource {
  if (derived.length === 0) return request;
  return {
    bytes: request.bytes,
    entities: [...request.entities, ...derived.map((column) => derivedColumn(request, column, rows))],
  };
}

function derivedColumn(request: KeySource, { declaration, columns }: DerivedColumn, rows: number): KeyColumn {
  const { joinKey, algorithm } = declaration;
  const keys = Array.from({ length: rows }, (_, row) => {
    const texts = columns.map((column) => textAt(request, column, row, declaration));
    return surrogateKey(algorithm, texts);
  });
  const data = Buffer.allocUnsafe(keys.reduce((size, key) => size + valueSize(key), 0));
  const starts: number[] = [];
  const ends: number[] = [];
  let pos = 0;
  for (const key of keys) {
    starts.push(pos);
    data[pos++] = STRING_TAG;
    pos = writeUtf8(data, writeVarint(data, pos, utf8Size(key)), key);
    ends.push(pos);
  }
  return { name: joinKey, starts, ends, data };
}

function valueSize(text: string): number {
  const size = utf8Size(text);
  return 1 + varintSize(size) + size;
}

function textAt(
  { bytes, entities }: KeySource,
  index: number,
  row: number,
  { joinKey, algorithm }: EntityKeyDeclaration,
): string | null {
  const column = entities[index];
  if (column === undefined) return null;
  const where = `Row ${row} of column "${column.name}"`;
  const { type, value } = columnValue(bytes, column.starts[row] ?? 0, column.ends[row] ?? 0, where);
  const text = value === undefined ? undefined : columnText(value, algorithm);
  if (text !== undefined) return text;
  throw new ServingError(
    'INVALID_ENTITY_VALUE',
    `${where} is ${valueTypeName(type)} with no known text, so "${joinKey}" cannot be made from it.`,
    { hint: `Send it as STRING, in the text that it had where the rows were built, or send "${joinKey}" itself.` },
  );
}

interface TypedColumnValue {
  readonly type: ValueType_Enum;
  readonly value: ColumnValue | undefined;
}

function columnValue(bytes: Uint8Array, start: number, end: number, where: string): TypedColumnValue {
  try {
    const { type, value } = decodeTypedValue(bytes, start, end);
    return { type, value: value === null ? null : fromValue(type, value) };
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new ServingError('MALFORMED_REQUEST', `${where} is not a valid feast.types.Value.`, { cause });
  }
}

function fromValue(type: ValueType_Enum, value: unknown): ColumnValue | undefined {
  switch (type) {
    case ValueType_Enum.STRING:
      return value as string;
    case ValueType_Enum.INT32:
      return BigInt(value as number);
    case ValueType_Enum.INT64:
      return value as bigint;
    case ValueType_Enum.BOOL:
      return value as boolean;
    case ValueType_Enum.DOUBLE:
      return { float: value as number, bits: 64 };
    case ValueType_Enum.FLOAT:
      return { float: value as number, bits: 32 };
    default:
      // A time does not say whether the column held dates, or times, and of which precision.
      return undefined;
  }
}
