import assert from 'node:assert/strict';
import { ValueType_Enum as Type } from '../../gen/feast/types/Value_pb.ts';
import { encodeValue } from '../../src/encoding/value.ts';
import { columnText, surrogateKey } from '../../src/serving/surrogate-key.ts';
import { entityHash } from '../../src/stores/mlforge/mlforge-layout.ts';
import {
  MlforgeDynamodbOnlineStore,
  MlforgeDynamodbOnlineStoreConfig,
} from '../../src/stores/mlforge-dynamodb/mlforge-dynamodb-online-store.ts';
import {
  MlforgeRedisOnlineStore,
  MlforgeRedisOnlineStoreConfig,
} from '../../src/stores/mlforge-redis/mlforge-redis-online-store.ts';
import type { OnlineStore, OnlineTable } from '../../src/stores/online-store.ts';
import { freshAccessKey, setAwsEnvironment } from '../support/aws-environment.ts';
import { sharedDynamoServer } from '../support/dynamodb-server.ts';
import { comparableValue, double, int64, string } from '../support/feature-values.ts';
import { createMlforgeRepo } from '../support/mlforge-repo.ts';
import { mlforgeSession, requireMlforge } from '../support/mlforge-session.ts';
import { keyOfTexts } from '../support/mlforge-vectors.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { serveProject } from '../support/serving-project.ts';
import { changeOf } from '../support/store-rows.ts';

const types = { amt: 'DOUBLE', n: 'INT64', city: 'STRING', active: 'BOOL', emb: 'DOUBLE_LIST' } as const;
const table: OnlineTable = {
  project: 'p',
  name: 'user_spend',
  joinKeys: ['user_id'],
  features: Object.entries(types).map(([name, type]) => ({ name, valueType: Type[type] })),
};
const context = { project: 'p', repoPath: '/', warn: () => {} };
const CHARACTERS = [...'ab|"\\/ \t\u007f\u0000_éß北京😀\uffee'];

/** A store, and how mlforge opens the same one. */
interface Place {
  readonly store: OnlineStore;
  readonly session: object;
}

describe('next to real mlforge', function () {
  this.timeout(300_000);
  let server: RedisServer;
  let restore = (): void => {};
  let url = '';

  before(async function () {
    requireMlforge(this);
    server = await startRedisServer();
    url = (await sharedDynamoServer()).url;
    restore = setAwsEnvironment(freshAccessKey());
  });

  after(async () => {
    restore();
    await server?.remove();
  });

  const places: readonly (readonly [string, () => Place])[] = [
    [
      'Redis',
      () => ({
        store: new MlforgeRedisOnlineStore(
          MlforgeRedisOnlineStoreConfig.parse({ host: '127.0.0.1', port: server.port, ttl: 600 }),
          context,
        ),
        session: { kind: 'redis', options: { host: '127.0.0.1', port: server.port, ttl: 600 } },
      }),
    ],
    [
      'DynamoDB',
      () => {
        const options = { table_name: 'live-features', region: 'us-east-1', endpoint_url: url, ttl_seconds: 600 };
        return {
          store: new MlforgeDynamodbOnlineStore(MlforgeDynamodbOnlineStoreConfig.parse(options), context),
          session: { kind: 'dynamodb', options },
        };
      },
    ],
  ];

  it('hashes entities and makes surrogate keys as mlforge does, whatever they hold', async () => {
    const below = createSeededRandom(20261121);
    const text = (): string => Array.from({ length: below(60) }, () => CHARACTERS[below(CHARACTERS.length)]).join('');
    const keys = Array.from({ length: 300 }, () =>
      Object.fromEntries(Array.from({ length: 1 + below(4) }, () => [text(), text()])),
    );
    const rows = Array.from({ length: 300 }, (_, index) => ({
      first: below(5) === 0 ? null : text(),
      n: below(1_000_000) - 500_000,
      amount: ((below(2_000_001) - 1_000_000) / 7 ** below(12)) * 10 ** (below(12) - 6),
      active: below(2) === 0,
      last: `${index}`,
    }));
    const columns = ['first', 'n', 'amount', 'active', 'last'];
    const [hashes, surrogates] = await mlforgeSession({
      steps: [
        { do: 'hash', keys },
        { do: 'surrogate', columns, rows },
      ],
    });
    assert.deepEqual(
      keys.map((each) => entityHash(Object.entries(each))),
      hashes,
    );
    const own = rows.map(({ first, n, amount, active, last }) => {
      const values = [first, BigInt(n), { float: amount, bits: 64 }, active, last] as const;
      return surrogateKey(
        'polars-1',
        values.map((value) => columnText(value, 'polars-1') ?? null),
      );
    });
    assert.deepEqual(own, surrogates);
  });

  for (const [name, place] of places) {
    it(`reads from ${name} what mlforge wrote, and mlforge what was written here`, async () => {
      const { store, session } = place();
      try {
        await store.update(changeOf({ tablesToKeep: [table] }));
        const records = [
          { user_id: 1, amt: 150, n: 5, city: 'Zürich 😀', active: true, emb: [0.5, 1.25, -2.5] },
          { user_id: 2, amt: 0.1, n: -9_007_199_254_740_991, city: '', active: false, emb: [] },
          { user_id: 3, amt: null, n: null, city: null, active: null, emb: null },
        ].map((record) => ({ ...record, amt: record.amt === 150 ? 150.5 : record.amt }));
        const [count, ping] = await mlforgeSession({
          store: session,
          steps: [{ do: 'write', feature: 'user_spend', keys: ['user_id'], records }, { do: 'ping' }],
        });
        assert.deepEqual([count, ping], [3, true]);
        const keys = records.map(({ user_id }) => keyOfTexts({ user_id: `${user_id}` }));
        const read = await store.onlineRead(table, keys);
        assert.deepEqual(
          read.map((row) => plain(row?.values)),
          records.map((record) => plain(valuesOf(record))),
        );
        const rows = records.map((record, index) => ({
          entityKey: keyOfTexts({ user_id: `own ${index}` }),
          values: valuesOf(record),
          eventTimestamp: { seconds: 1, nanos: 0 },
        }));
        await store.onlineWriteBatch(table, rows);
        const [seen] = await mlforgeSession({
          store: session,
          steps: [
            { do: 'read', feature: 'user_spend', keys: [0, 1, 2, 3].map((index) => ({ user_id: `own ${index}` })) },
          ],
        });
        const floats = (each: readonly number[] | null) => each?.map((n) => ({ float: pythonFloat(n) })) ?? null;
        assert.deepEqual(seen, [
          ...records.map(({ amt, n, city, active, emb }) => ({
            amt: amt === null ? null : { float: pythonFloat(amt) },
            n: n === null ? null : { int: String(n) },
            city,
            active,
            emb: floats(emb),
          })),
          null,
        ]);
      } finally {
        await store.close();
      }
    });
  }

  it('serves over gRPC what get_online_features gives for the columns of a surrogate key', async () => {
    await server.client.flushall();
    const people = ['John', 'Jane', 'José'].map((first, index) => ({ first, last: 'Doe', dob: `199${index}-01-15` }));
    const [keys] = (await mlforgeSession({
      steps: [{ do: 'surrogate', columns: ['first', 'last', 'dob'], rows: people }],
    })) as readonly string[][];
    const records = (keys ?? []).slice(0, 2).map((user_id, index) => ({ user_id, amt: index + 0.5, n: index }));
    const session = { kind: 'redis', options: { host: '127.0.0.1', port: server.port } };
    const entity = { join_key: 'user_id', from_columns: ['first', 'last', 'dob'] };
    const [, retrieved] = (await mlforgeSession({
      store: session,
      steps: [
        { do: 'write', feature: 'user_spend', keys: ['user_id'], records },
        { do: 'retrieve', features: ['user_spend'], rows: people, entity },
      ],
    })) as readonly (readonly Readonly<Record<string, { float?: string; int?: string } | null>>[])[];
    const repo = createMlforgeRepo({
      features: [{ name: 'user_spend', keys: { user_id: 'STRING' }, columns: { amt: 'DOUBLE', n: 'INT64' } }],
      onlineStore: { type: 'mlforge_redis', host: '127.0.0.1', port: server.port },
      sideboard: { entity_keys: { user_id: { from_columns: ['first', 'last', 'dob'] } } },
    });
    const project = await serveProject(repo.path);
    try {
      const column = (name: 'first' | 'last' | 'dob') => people.map((row) => string(row[name]));
      const { columns } = await project.client.ask({
        features: ['user_spend:amt', 'user_spend:n'],
        entities: { first: column('first'), last: column('last'), dob: column('dob') },
      });
      const [amt, n] = columns.slice(3);
      assert.deepEqual(amt?.statuses, ['PRESENT', 'PRESENT', 'NOT_FOUND']);
      for (const [row, expected] of (retrieved ?? []).entries()) {
        if (expected.amt == null) {
          assert.equal(amt?.statuses[row], 'NOT_FOUND');
          continue;
        }
        assert.deepEqual(amt?.values[row], comparableValue(double(Number(expected.amt.float))));
        assert.deepEqual(n?.values[row], comparableValue(int64(Number(expected.n?.int))));
      }
      assert.equal(retrieved?.length, 3);
    } finally {
      await project.close();
      repo.remove();
    }
  });
});

function valuesOf(record: Readonly<Record<string, unknown>>): Map<string, Uint8Array> {
  return new Map(
    Object.entries(types).map(([name, type]) => {
      const value = record[name];
      return [name, encodeValue(typeof value === 'number' && type === 'INT64' ? BigInt(value) : value, Type[type])];
    }),
  );
}

function plain(values: ReadonlyMap<string, Uint8Array> | undefined): readonly (readonly [string, string])[] {
  return [...(values ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('hex')]);
}

/** As Python shows the few floats of these tests. */
function pythonFloat(n: number): string {
  return Number.isInteger(n) ? `${n}.0` : String(n);
}
