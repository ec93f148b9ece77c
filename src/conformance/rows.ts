import { create, toBinary } from '@bufbuild/protobuf';
import { type EntityKey, EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { type Value, ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import type { EventTimestamp, OnlineRow, StoredRow } from '../stores/online-store.ts';
import type { RowBlock } from '../stores/row-block.ts';
import type { StorageTraits } from './options.ts';

type Arm = Value['val'];

/** 2026-01-10T08:00:00Z. */
export const SOME_TIME = 1_768_032_000;

export const int64 = (value: number | bigint): Arm => ({ case: 'int64Val', value: BigInt(value) });
export const int32 = (value: number): Arm => ({ case: 'int32Val', value });
export const double = (value: number): Arm => ({ case: 'doubleVal', value });
export const text = (value: string): Arm => ({ case: 'stringVal', value });
/** A stored null: zero bytes. */
export const nothing: Arm = { case: undefined };

export function bytesOf(val: Arm): Uint8Array {
  return toBinary(ValueSchema, create(ValueSchema, { val }));
}

export function keyOf(parts: Readonly<Record<string, Arm>>): EntityKey {
  const entityValues = Object.values(parts).map((val) => create(ValueSchema, { val }));
  return create(EntityKeySchema, { joinKeys: Object.keys(parts), entityValues });
}

export function driver(id: number): EntityKey {
  return keyOf({ driver_id: int64(id) });
}

/** A row to write. `time` is whole seconds, or seconds and nanoseconds. */
export function rowOf(
  entityKey: EntityKey,
  values: Readonly<Record<string, Arm | Uint8Array>>,
  time: number | EventTimestamp = SOME_TIME,
): OnlineRow {
  const encoded = Object.entries(values).map(([name, value]) => {
    return [name, value instanceof Uint8Array ? value : bytesOf(value)] as const;
  });
  const eventTimestamp = typeof time === 'number' ? { seconds: time, nanos: 0 } : time;
  return { entityKey, values: new Map(encoded), eventTimestamp };
}

/** A row in a form that compares well and reads well in a report. */
export interface PlainRow {
  readonly time: string;
  /** Feature to its bytes in hexadecimal; a null is empty. Long values are shortened to their length and a checksum. */
  readonly values: Readonly<Record<string, string>>;
}

let keepsTimes = true;

/** Whether rows are expected to come back with the times that they were written with. */
export function expectTimes(precision: StorageTraits['timePrecision']): void {
  keepsTimes = precision !== 'none';
}

/** A row that was read as it is, one to be written as it is to be read. */
export function plainRow(row: StoredRow | OnlineRow): PlainRow {
  const isExpected = 'entityKey' in row;
  const { seconds, nanos } = isExpected && !keepsTimes ? NO_TIME : row.eventTimestamp;
  return { time: plainTime(seconds, nanos), values: plainValues([...row.values]) };
}

export function plainBlock(block: RowBlock, features: readonly string[]): (PlainRow | undefined)[] {
  return Array.from({ length: block.rows }, (_, row) => {
    if (block.found[row] !== 1) return undefined;
    const { seconds, nanos } = block.timestampAt(row);
    const values = features.flatMap((name, column) => {
      const value = block.valueAt(row, column);
      return value === undefined ? [] : [[name, value] as const];
    });
    return { time: plainTime(seconds, nanos), values: plainValues(values) };
  });
}

const NO_TIME: EventTimestamp = { seconds: 0, nanos: 0 };

/** The time as a storage of this precision gives it back. */
export function cutTime(time: EventTimestamp, precision: StorageTraits['timePrecision']): EventTimestamp {
  if (precision === 'none') return NO_TIME;
  return { seconds: time.seconds, nanos: time.nanos - (time.nanos % smallestStep(precision)) };
}

/** Nanoseconds between two times that a storage of this precision can tell apart. */
export function smallestStep(precision: Exclude<StorageTraits['timePrecision'], 'none'>): number {
  return { second: 1e9, millisecond: 1e6, microsecond: 1e3, nanosecond: 1 }[precision];
}

export function hex(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('hex');
  if (text.length <= 400) return text;
  let sum = 0;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0;
  return `${bytes.length} bytes, ${text.slice(0, 40)}..., checksum ${sum}`;
}

function plainTime(seconds: number, nanos: number): string {
  return `${seconds} s ${nanos} ns`;
}

/** Features in the order of their names: a row has none. */
function plainValues(values: readonly (readonly [string, Uint8Array])[]): Readonly<Record<string, string>> {
  const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, value]) => [name, hex(value)]));
}
