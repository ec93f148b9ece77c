import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import type { LoadOptions, OnlineRow, OnlineStore, OnlineTable, TableLoad } from '../../src/stores/online-store.ts';
import type { WriteBlock } from '../../src/stores/write-block.ts';
import { writeBlockFromRows } from '../../src/stores/write-block-rows.ts';
import { tableWith } from './golden-stores.ts';
import { driverKey, int64Bytes } from './store-rows.ts';

export const FEATURES = ['count', 'label', 'none'];
export const VERSIONED: OnlineTable = tableWith('p', 'versioned', ['driver_id'], FEATURES);
/** Times lie so far apart that every store tells them apart. */
const FIRST_SECOND = 1_700_000_000;

/** A row that says in every value, and by its time, which version it is. */
export function versionedRow(id: number, version: number, features: readonly string[] = FEATURES): OnlineRow {
  const values = new Map(features.map((name) => [name, versionedValue(name, version)]));
  const eventTimestamp = { seconds: FIRST_SECOND + version, nanos: 0 };
  return { entityKey: driverKey(id), values, eventTimestamp, createdTimestamp: { seconds: FIRST_SECOND, nanos: 0 } };
}

export function versionedValue(feature: string, version: number): Uint8Array {
  if (feature === 'none') return new Uint8Array();
  if (feature === 'count') return int64Bytes(version);
  return toBinary(ValueSchema, create(ValueSchema, { val: { case: 'stringVal', value: `version ${version}` } }));
}

/** The rows of these entities in blocks of `size`. */
export function versionedBlocks(ids: readonly number[], version: number, size: number): WriteBlock[] {
  const blocks: WriteBlock[] = [];
  for (let start = 0; start < ids.length; start += size) {
    const rows = ids.slice(start, start + size).map((id) => versionedRow(id, version));
    blocks.push(writeBlockFromRows(VERSIONED, FEATURES, rows));
  }
  return blocks;
}

export async function loadOf(
  store: OnlineStore,
  table: OnlineTable = VERSIONED,
  options: LoadOptions = {},
): Promise<TableLoad> {
  assert.ok(store.beginLoad);
  return store.beginLoad(table, options);
}

export async function loadVersion(
  store: OnlineStore,
  ids: readonly number[],
  version: number,
  options: LoadOptions = {},
): Promise<void> {
  const load = await loadOf(store, VERSIONED, options);
  for (const block of versionedBlocks(ids, version, 100)) await load.write(block);
  await load.commit();
}

/** The versions that the rows of these entities are in, of which each is in one; -1 for an entity without a row. */
export async function versionsOf(store: OnlineStore, ids: readonly number[]): Promise<number[]> {
  const rows = await store.onlineRead(VERSIONED, ids.map(driverKey));
  const versions = rows.map((row) => {
    if (row === undefined) return -1;
    const version = row.eventTimestamp.seconds - FIRST_SECOND;
    for (const name of FEATURES) {
      assert.deepEqual(Buffer.from(row.values.get(name) ?? [255]), Buffer.from(versionedValue(name, version)));
    }
    return version;
  });
  return [...new Set(versions)].sort((a, b) => a - b);
}
