import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { type EntityKey, EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { entityKeyVersionOf, serializeEntityKey } from '../../src/encoding/entity-key.ts';
import type { OnlineStore, OnlineTable, StoreContext } from '../../src/stores/online-store.ts';
import { RedisOnlineStore, RedisOnlineStoreConfig } from '../../src/stores/redis/redis-online-store.ts';
import { SqliteOnlineStore, SqliteOnlineStoreConfig } from '../../src/stores/sqlite/sqlite-online-store.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const TABLE = tableNamed('v');

describe('what SQLite tells to tools', () => {
  const folder = useTempFolder();
  let store: OnlineStore;

  beforeEach(() => {
    const context: StoreContext = { project: 'p', repoPath: folder(), warn: () => {} };
    store = new SqliteOnlineStore(SqliteOnlineStoreConfig.parse({ path: 'online.db' }), context);
  });

  afterEach(() => store.close());

  it('is the names of the tables of a project and of no other', async () => {
    assert.deepEqual(await store.listTables?.('p'), []);
    await apply(store, [TABLE, tableNamed('w'), { ...TABLE, project: 'q' }, { ...TABLE, project: 'P' }]);
    assert.deepEqual(await store.listTables?.('p'), ['v', 'w']);
    assert.deepEqual(await store.listTables?.('nobody'), []);
  });

  it('is at most so many keys of a table, from both ends of their order', async () => {
    await assert.rejects(async () => store.sampleKeys?.(TABLE, 10), { code: 'STORE_UNAVAILABLE' });
    await apply(store, [TABLE]);
    assert.deepEqual(await store.sampleKeys?.(TABLE, 10), []);
    await assert.rejects(async () => store.sampleKeys?.(tableNamed('none'), 10), { code: 'STORE_TABLE_MISSING' });
    await fill(store, 10);
    assert.equal((await store.sampleKeys?.(TABLE, 4))?.length, 4);
    const all = (await store.sampleKeys?.(TABLE, 100)) ?? [];
    assert.equal(all.length, 10);
    assert.ok(all.every((key) => entityKeyVersionOf(key, TABLE.joinKeys) === 3));
  });
});

describe('what Redis tells to tools', () => {
  let redis: RedisServer;
  let store: OnlineStore;

  before(async () => {
    redis = await startRedisServer();
    const context: StoreContext = { project: 'p', repoPath: '/', warn: () => {} };
    const config = RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${redis.port}` });
    store = new RedisOnlineStore(config, context);
  });

  after(async () => {
    await store.close();
    await redis.remove();
  });

  it('is keys of a table in both serializations, and no tables', async () => {
    assert.equal(store.listTables, undefined);
    assert.deepEqual(await store.sampleKeys?.(TABLE, 10), []);
    await fill(store, 5);
    await redis.client.hset(Buffer.concat([serializeEntityKey(keyOf('old'), 2), Buffer.from('p')]), '_ts:v', '');
    await redis.client.set('somethingp', 'else');
    const versions = ((await store.sampleKeys?.(TABLE, 100)) ?? []).map((key) =>
      entityKeyVersionOf(key, TABLE.joinKeys),
    );
    assert.deepEqual(versions.sort(), [2, 3, 3, 3, 3, 3]);
    assert.equal((await store.sampleKeys?.(TABLE, 3))?.length, 3);
  });
});

function tableNamed(name: string): OnlineTable {
  return { project: 'p', name, joinKeys: ['id'], features: [{ name: 'f', valueType: ValueType_Enum.STRING }] };
}

function keyOf(id: string): EntityKey {
  const entityValues = [create(ValueSchema, { val: { case: 'stringVal', value: id } })];
  return create(EntityKeySchema, { joinKeys: ['id'], entityValues });
}

async function apply(store: OnlineStore, tablesToKeep: readonly OnlineTable[]): Promise<void> {
  await store.update({ tablesToKeep, tablesToDelete: [], entitiesToKeep: [], entitiesToDelete: [], partial: false });
}

async function fill(store: OnlineStore, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, id) => ({
    entityKey: keyOf(`${id}`),
    values: new Map([['f', new Uint8Array()]]),
    eventTimestamp: { seconds: 1, nanos: 0 },
  }));
  await store.onlineWriteBatch(TABLE, rows);
}
