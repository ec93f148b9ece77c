import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { type EntityKey, EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import type { OnlineRow, OnlineStore, OnlineTable, StoreChange } from '../../src/stores/online-store.ts';
import { StoreError, type StoreErrorCode } from '../../src/stores/store-error.ts';
import { int64 } from './feature-values.ts';

export function driverKey(id: number): EntityKey {
  return create(EntityKeySchema, { joinKeys: ['driver_id'], entityValues: [int64(id)] });
}

export function int64Bytes(value: number): Uint8Array {
  return toBinary(ValueSchema, int64(value));
}

/** A row of the driver with this id; its values are int64. */
export function driverRow(id: number, seconds: number, values: Readonly<Record<string, number>>): OnlineRow {
  const bytes = Object.entries(values).map(([name, value]) => [name, int64Bytes(value)] as const);
  return { entityKey: driverKey(id), eventTimestamp: { seconds, nanos: 0 }, values: new Map(bytes) };
}

export function changeOf(change: Partial<StoreChange>): StoreChange {
  return { tablesToKeep: [], tablesToDelete: [], entitiesToKeep: [], entitiesToDelete: [], partial: true, ...change };
}

/** What a driver's row holds, its values as hexadecimal; `undefined` without a row. */
export async function storedDriver(store: OnlineStore, table: OnlineTable, id: number): Promise<unknown> {
  const [row] = await store.onlineRead(table, [driverKey(id)]);
  if (row === undefined) return undefined;
  const values = [...row.values].map(([name, value]) => [name, Buffer.from(value).toString('hex')]);
  return { seconds: row.eventTimestamp.seconds, ...Object.fromEntries(values) };
}

/** Awaits a failure and gives it back. */
export async function storeErrorOf(call: Promise<unknown>, code: StoreErrorCode): Promise<StoreError> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  throw new assert.AssertionError({ message: `the call succeeded where ${code} was expected` });
}
