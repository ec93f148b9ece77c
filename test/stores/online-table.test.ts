import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { registryFromBytes } from '../../src/registry/registry-from-bytes.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import {
  onlineEntitiesOfSnapshot,
  onlineTableFromView,
  onlineTableName,
  onlineTablesOfSnapshot,
} from '../../src/stores/online-table.ts';
import { readGolden } from '../support/golden.ts';

function goldenSnapshot(project: string, ...folder: readonly string[]): RegistrySnapshot {
  return createRegistrySnapshot(registryFromBytes(readGolden(...folder, 'registry.db'), 'registry'), project, 1);
}

const kitchenSink = goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink');
const accounts = goldenSnapshot('accounts', 'redis', 'versioned', 'repo', 'data');
const catalog = goldenSnapshot('catalog', 'redis', 'evolve', 'repo', 'data');

describe('online tables of a registry', () => {
  it('are named after the view, with the version behind it from 1 on', () => {
    assert.equal(onlineTableName('acct', 0), 'acct');
    assert.equal(onlineTableName('acct', 1), 'acct_v1');
    assert.equal(onlineTableName('acct', 12), 'acct_v12');
  });

  it('have join keys in declared order and typed features', () => {
    const view = kitchenSink.views.get('unsorted_entities');
    assert.ok(view);
    assert.deepEqual(onlineTableFromView(view, 'kitchen_sink', 0), {
      project: 'kitchen_sink',
      name: 'unsorted_entities',
      joinKeys: ['zone', 'driver_id', 'customer_id'],
      features: [{ name: 'x', valueType: ValueType_Enum.DOUBLE }],
    });
  });

  it('are kept for online views of all kinds, on-demand views only where they are written', () => {
    const names = onlineTablesOfSnapshot(kitchenSink, { versioned: false }).map((table) => table.name);
    assert.deepEqual(names.sort(), [
      'disabled',
      'documents',
      'driver_stats',
      'entityless',
      'odfv_stored',
      'offline_too',
      'plain_stream',
      'reviews',
      'stream_view',
      'unsorted_entities',
    ]);
  });

  it('are one per version with the schema of that version where versioned reads are enabled', () => {
    const tables = onlineTablesOfSnapshot(accounts, { versioned: true });
    const schemas = tables.map((table) => [table.name, table.features.map((feature) => feature.name)]);
    assert.deepEqual(Object.fromEntries(schemas), {
      other: ['level'],
      acct: ['balance', 'level'],
      acct_v1: ['balance', 'logins'],
      acct_v2: ['balance', 'logins', 'level'],
    });
    assert.equal(tables.length, 4);
  });

  it('are one per view with the current schema where they are not, though Feast counts versions', () => {
    const tables = onlineTablesOfSnapshot(catalog, { versioned: false });
    const view = catalog.views.get('item');
    assert.equal(view?.currentVersion, 1);
    assert.deepEqual(tables, [onlineTableFromView(view, 'catalog', 0)]);
    assert.equal(tables[0]?.name, 'item');
  });

  it('come with every entity, the dummy of entity-less views included', () => {
    const entities = onlineEntitiesOfSnapshot(kitchenSink).map((entity) => [entity.name, entity.joinKey]);
    assert.deepEqual(Object.fromEntries(entities), {
      customer: 'customer_id',
      zone: 'zone',
      driver: 'driver_id',
      __dummy: '__dummy_id',
    });
  });
});
