import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { serializeEntityKey } from '../../src/encoding/entity-key.ts';
import type { OnlineRow, OnlineTable, TableRead } from '../../src/stores/online-store.ts';
import { RowBlock } from '../../src/stores/row-block.ts';
import { tableWith } from './golden-stores.ts';
import type { SeededRandom } from './seeded-random.ts';
import { driverKey } from './store-rows.ts';

/**
 * Rows whose values say where they belong: view, feature, entity and version, the version being the event time as well. A value
 * that a store delivers in another's place, or beside values of another version, is noticed.
 */
export function tellingTable(name: string, features: number): OnlineTable {
  const names = Array.from({ length: features }, (_, n) => `f${n}`);
  return tableWith('p', name, ['driver_id'], names);
}

export function tellingRow(table: OnlineTable, entity: number, version: number): OnlineRow {
  const values = new Map<string, Uint8Array>();
  for (const { name } of table.features) {
    const value = tellingValue(table, name, entity, version);
    if (value !== undefined) values.set(name, value);
  }
  return { entityKey: driverKey(entity), eventTimestamp: { seconds: version, nanos: 0 }, values };
}

/** What a protocol looks like, inside values: a reader that lost its place would find it there. */
const DISTRACTION = '\r\n$-1\r\n*2\r\n$3\r\n-ERR no\r\n_\r\n';

/** Some features are null, some are not stored, a few are longer than what a socket delivers at once. */
function tellingValue(table: OnlineTable, feature: string, entity: number, version: number): Uint8Array | undefined {
  const kind = (entity * 31 + Number(feature.slice(1)) * 7) % 97;
  if (kind % 11 === 3) return new Uint8Array();
  if (kind % 13 === 5) return undefined;
  const length = kind === 0 ? 70_000 : kind % 40;
  const text = `${table.name}|${feature}|${entity}|${version}|${DISTRACTION.repeat(Math.ceil(length / 27)).slice(0, length)}`;
  return toBinary(ValueSchema, create(ValueSchema, { val: { case: 'stringVal', value: text } }));
}

/** Some features of some tables for these entities, out of order; the same entity may come twice. */
export function someReads(
  tables: readonly OnlineTable[],
  entities: readonly number[],
  random: SeededRandom,
): TableRead[] {
  const keys = keysOf(entities);
  const chosen = tables.filter(() => random(2) === 0);
  return (chosen.length === 0 ? tables : chosen).map((table) => {
    const names = table.features.map(({ name }) => name).sort(() => random(3) - 1);
    return readOf(table, keys, names.slice(0, 1 + random(names.length)));
  });
}

/** All features of all tables for these entities. */
export function wholeReads(tables: readonly OnlineTable[], entities: readonly number[]): TableRead[] {
  const keys = keysOf(entities);
  return tables.map((table) =>
    readOf(
      table,
      keys,
      table.features.map(({ name }) => name),
    ),
  );
}

function keysOf(entities: readonly number[]): Uint8Array[] {
  return entities.map((entity) => serializeEntityKey(driverKey(entity)));
}

function readOf(table: OnlineTable, keys: readonly Uint8Array[], features: readonly string[]): TableRead {
  return { table, keys, features, block: new RowBlock(keys.length, features.length) };
}

export interface ToldVersions {
  /** Entities from 0 up to this number have rows. */
  readonly stored: number;
  readonly oldest: number;
  readonly newest: number;
}

/** Asserts that every row holds the values of its own entity, all of one version. */
export function assertTold(reads: readonly TableRead[], entities: readonly number[], versions: ToldVersions): void {
  for (const { table, features, block } of reads) {
    for (const [row, entity] of entities.entries()) {
      const where = `${table.name}, entity ${entity}`;
      if (entity >= versions.stored) {
        assert.equal(block.found[row], 0, `${where} is found`);
        assert.equal(block.hasValues(row), false, `${where} has values`);
        continue;
      }
      const version = block.timestampAt(row).seconds;
      assert.equal(block.found[row], 1, `${where} is not found`);
      assert.ok(version >= versions.oldest && version <= versions.newest, `${where} has version ${version}`);
      for (const [column, feature] of features.entries()) {
        const expected = tellingValue(table, feature, entity, version);
        const value = block.valueAt(row, column);
        const same = expected === undefined ? value === undefined : value !== undefined && isSame(expected, value);
        assert.ok(same, `${where}, ${feature}, version ${version}: ${shown(value)} instead of ${shown(expected)}`);
      }
    }
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function shown(value: Uint8Array | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(Buffer.from(value).toString('latin1').slice(0, 60));
}
