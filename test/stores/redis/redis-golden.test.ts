import assert from 'node:assert/strict';
import type { EventTimestamp, OnlineTable } from '../../../src/stores/online-store.ts';
import { RedisOnlineStore, RedisOnlineStoreConfig } from '../../../src/stores/redis/redis-online-store.ts';
import { writeBlockFromRows } from '../../../src/stores/write-block-rows.ts';
import { goldenFolders, goldenPath, readGoldenLines } from '../../support/golden.ts';
import { type DumpedHash, entityKeyFromJson, tableWith } from '../../support/golden-stores.ts';
import { restoreRedisDump, storedHashes } from '../../support/redis-dump.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';

/** One view's share of a recorded hash. */
interface RecordedViewRow {
  readonly table: OnlineTable;
  readonly hash: DumpedHash;
  readonly time: EventTimestamp;
  readonly values: ReadonlyMap<string, Uint8Array>;
}

describe('the Redis store and what Feast recorded', () => {
  let server: RedisServer;
  let store: RedisOnlineStore;

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  beforeEach(() => server.client.flushall());

  afterEach(() => store?.close());

  for (const repo of goldenFolders('redis')) {
    const hashes = readGoldenLines<DumpedHash>('redis', repo, 'dump.jsonl');
    const ttl = hashes.some((hash) => hash.ttl_seconds > 0) ? 604_800 : undefined;
    const open = (skipDedup = false): RedisOnlineStore => {
      const connection_string = `127.0.0.1:${server.port}`;
      const config = { connection_string, key_ttl_seconds: ttl, skip_dedup: skipDedup };
      return new RedisOnlineStore(RedisOnlineStoreConfig.parse(config), {
        project: 'any',
        repoPath: '/',
        warn: (message) => assert.fail(message),
      });
    };

    it(`reads every field of ${repo}`, async () => {
      await restoreRedisDump(server.port, goldenPath('redis', repo, 'dump.jsonl'));
      store = open();
      for (const { table, hash, time, values } of viewRows(hashes)) {
        const [row] = await store.onlineRead(table, [entityKeyFromJson(hash.decoded_entity_key)]);
        assert.deepEqual(row?.eventTimestamp, time);
        assert.deepEqual(plain(row?.values), plain(values));
      }
    });

    for (const way of ['rows', 'a block', 'a block of newest rows'] as const) {
      it(`writes ${repo} byte for byte from ${way}`, async () => {
        store = open(way === 'a block of newest rows');
        for (const { table, hash, time, values } of viewRows(hashes)) {
          const rows = [{ entityKey: entityKeyFromJson(hash.decoded_entity_key), values, eventTimestamp: time }];
          if (way === 'rows') await store.onlineWriteBatch(table, rows);
          else {
            const block = writeBlockFromRows(table, [...values.keys()], rows);
            await store.writeBlock(table, block, { newestOnly: way === 'a block of newest rows' });
          }
        }
        const expected = hashes.map((hash) => [
          hash.key_hex,
          hash.fields.map((field) => `${field.field_hex} ${field.value_hex}`).sort(),
          ttl ?? -1,
        ]);
        assert.deepEqual(await storedHashes(server), expected.sort());
      });
    }
  }

  it('writes a time of any precision as Feast cuts it', async () => {
    store = new RedisOnlineStore(RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${server.port}` }), {
      project: 'any',
      repoPath: '/',
      warn: () => {},
    });
    const [hash] = readGoldenLines<DumpedHash>('redis', 'simple', 'dump.jsonl');
    assert.ok(hash);
    const table = tableWith('p', 'v', ['driver_id'], ['f']);
    const entityKey = entityKeyFromJson(hash.decoded_entity_key);
    const eventTimestamp = { seconds: 1_768_089_723, nanos: 999_999_999 };
    await store.onlineWriteBatch(table, [{ entityKey, values: new Map(), eventTimestamp }]);
    const [row] = await store.onlineRead(table, [entityKey]);
    assert.deepEqual(row?.eventTimestamp, { seconds: 1_768_089_723, nanos: 999_999_000 });
  });
});

function* viewRows(hashes: readonly DumpedHash[]): Generator<RecordedViewRow> {
  for (const hash of hashes) {
    const { joinKeys } = entityKeyFromJson(hash.decoded_entity_key);
    for (const timeField of hash.fields) {
      if (timeField.event_timestamp === undefined) continue;
      const view = timeField.field.slice('_ts:'.length);
      const fields = hash.fields.filter((field) => field.field.startsWith(`${view}:`));
      const values = new Map(
        fields.map((field) => [field.field.slice(view.length + 1), Buffer.from(field.value_hex, 'hex')]),
      );
      const table = tableWith(hash.decoded_project, view, joinKeys, values.keys());
      yield { table, hash, time: timeField.event_timestamp, values };
    }
  }
}

function plain(values: ReadonlyMap<string, Uint8Array> | undefined): unknown {
  return [...(values ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('hex')]).sort();
}
