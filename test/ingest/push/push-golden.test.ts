import assert from 'node:assert/strict';
import { deserializeEntityKey } from '../../../src/encoding/entity-key.ts';
import { SideboardError } from '../../../src/errors.ts';
import type { OnlinePush } from '../../../src/ingest/push/online-push.ts';
import type { OnlineStore } from '../../../src/stores/online-store.ts';
import { onlineTablesOfSnapshot } from '../../../src/stores/online-table.ts';
import { featureField, timeField } from '../../../src/stores/redis/redis-layout.ts';
import { RedisOnlineStore, RedisOnlineStoreConfig } from '../../../src/stores/redis/redis-online-store.ts';
import { SqliteOnlineStore, SqliteOnlineStoreConfig } from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { readGoldenJson, readGoldenLines } from '../../support/golden.ts';
import { createTables, pushInto } from '../../support/push-project.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { goldenSnapshot } from '../../support/registries.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

interface Exchange {
  readonly id: string;
  readonly method: string;
  readonly request_hex: string;
  readonly code: string;
  readonly store_change: readonly FieldChange[];
}

interface FieldChange {
  readonly key_hex: string;
  readonly field_hex: string;
  readonly before_hex: string | null;
  readonly after_hex: string;
}

const exchanges = readGoldenLines<Exchange>('grpc', 'exchanges.jsonl').filter((each) => each.request_hex !== undefined);

/** What Feast reports as INTERNAL, or as no known push source, by our codes; a text that is a double is taken here. */
const refusals: Readonly<Record<string, string>> = {
  'push-both': 'INGEST_MALFORMED_REQUEST',
  'push-bad-string': 'INGEST_BAD_VALUE',
  'push-bad-to': 'INGEST_UNKNOWN_DESTINATION',
  'push-empty-to': 'INGEST_UNKNOWN_DESTINATION',
  'push-unknown': 'INGEST_UNKNOWN_SOURCE',
  'push-view-name': 'INGEST_UNKNOWN_SOURCE',
  'write-unknown': 'INGEST_UNKNOWN_VIEW',
  'write-missing': 'INGEST_MISSING_COLUMN',
};
const takenHere = new Set(['write-profile-strings']);

describe("the pushes that Feast's gRPC server was sent", () => {
  const snapshot = goldenSnapshot('shop', 'grpc', 'registry.db');
  const folder = useTempFolder();
  let server: RedisServer;
  let store: OnlineStore;

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  afterEach(() => store?.close());

  it('were all of the methods that are served', () => {
    assert.deepEqual(
      new Set(exchanges.map(({ method }) => method)),
      new Set(['/GrpcFeatureServer/Push', '/GrpcFeatureServer/WriteToOnlineStore']),
    );
    assert.equal(exchanges.length, 19);
  });

  it('leave the same bytes in Redis, and what it refused leaves none', async () => {
    store = new RedisOnlineStore(RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${server.port}` }), {
      project: 'shop',
      repoPath: '/',
      warn: (message) => assert.fail(message),
    });
    await restore(server);
    const push = pushInto(store, snapshot);
    for (const exchange of exchanges) {
      const before = await dump(server);
      await replay(push, exchange);
      const after = await dump(server);
      if (takenHere.has(exchange.id)) continue;
      for (const { key_hex, field_hex, before_hex } of exchange.store_change) {
        assert.equal(before.get(`${key_hex} ${field_hex}`) ?? null, before_hex, exchange.id);
      }
      const changed = [...after].filter(([field, value]) => before.get(field) !== value);
      const expected = exchange.store_change.map((each) => [`${each.key_hex} ${each.field_hex}`, each.after_hex]);
      assert.deepEqual(changed.sort(), expected.sort(), exchange.id);
      assert.ok(after.size >= before.size, exchange.id);
    }
  });

  it('leave the same values and times in SQLite', async () => {
    const config = SqliteOnlineStoreConfig.parse({ path: 'online.db' });
    store = new SqliteOnlineStore(config, { project: 'shop', repoPath: folder(), warn: () => {} });
    await createTables(store, snapshot);
    const push = pushInto(store, snapshot);
    const expected = new Map<string, string>();
    for (const exchange of exchanges) {
      await replay(push, exchange);
      for (const { key_hex, field_hex, after_hex } of exchange.store_change) {
        expected.set(`${key_hex} ${field_hex}`, after_hex);
      }
    }
    assert.ok(expected.size > 10);
    for (const [place, value] of expected) assert.equal(await storedInSqlite(place), value, place);
  });

  /** What SQLite has for a field of Redis; of times the whole seconds, which is all it keeps. */
  async function storedInSqlite(place: string): Promise<string | undefined> {
    const [key = '', field = ''] = place.split(' ');
    const entityKey = deserializeEntityKey(Buffer.from(key, 'hex').subarray(0, -'shop'.length));
    for (const table of onlineTablesOfSnapshot(snapshot, { versioned: false })) {
      const isTime = timeField(table.name).toString('hex') === field;
      const feature = table.features.find(({ name }) => featureField(table.name, name).toString('hex') === field);
      if (!isTime && feature === undefined) continue;
      const [row] = await store.onlineRead(table, [entityKey]);
      if (feature !== undefined) return Buffer.from(row?.values.get(feature.name) ?? []).toString('hex');
      const seconds = row?.eventTimestamp.seconds ?? 0;
      return seconds === 1 ? '080110808388f402' : seconds === 1_780_272_000 ? '088097f3d006' : String(seconds);
    }
    return undefined;
  }
});

async function replay(push: OnlinePush, { id, method, request_hex, code }: Exchange): Promise<void> {
  const message = Buffer.from(request_hex, 'hex');
  const call = method.endsWith('/Push') ? push.push(message) : push.writeToOnlineStore(message);
  const refusal = await call.then(
    () => undefined,
    (error: unknown) => (error instanceof SideboardError ? error.code : String(error)),
  );
  assert.equal(refusal, refusals[id], id);
  if (!takenHere.has(id)) assert.equal(refusal === undefined, code === 'OK', id);
}

async function restore(server: RedisServer): Promise<void> {
  await server.client.flushall();
  const hashes = readGoldenJson<Record<string, Record<string, string>>>('grpc', 'redis_before.json');
  for (const [key, fields] of Object.entries(hashes)) {
    for (const [field, value] of Object.entries(fields)) {
      await server.client.hset(Buffer.from(key, 'hex'), Buffer.from(field, 'hex'), Buffer.from(value, 'hex'));
    }
  }
}

/** `<key> <field>` to value, all hexadecimal. */
async function dump({ client }: RedisServer): Promise<ReadonlyMap<string, string>> {
  const fields = new Map<string, string>();
  for (const key of await client.keysBuffer('*')) {
    const flat = (await client.callBuffer('HGETALL', key)) as Buffer[];
    for (let i = 0; i < flat.length; i += 2) {
      fields.set(`${key.toString('hex')} ${flat[i]?.toString('hex')}`, flat[i + 1]?.toString('hex') ?? '');
    }
  }
  return fields;
}
