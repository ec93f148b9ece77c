import assert from 'node:assert/strict';
import type { Value } from '../../../gen/feast/types/Value_pb.ts';
import type { FeatureRepo } from '../../support/feature-repo.ts';
import { bool, comparableValue, double, int64, nothing, string, timestamp } from '../../support/feature-values.ts';
import { readGoldenLines } from '../../support/golden.ts';
import { createMlforgeRepo, type MlforgeFeature, type Types } from '../../support/mlforge-repo.ts';
import { type Ask, refusalOf } from '../../support/online-features-client.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { type ServedProject, serveProject } from '../../support/serving-project.ts';

interface BuildVector {
  readonly id: string;
  readonly feature_name: string;
  readonly redis: Readonly<Record<string, string>>;
  readonly request: readonly Readonly<Record<string, string | number>>[];
  readonly response: readonly Readonly<Record<string, unknown>>[];
}

interface BuildCase {
  readonly keys: Types;
  readonly columns: Types;
}

/** What the registry has to say of the recorded builds. */
const builds: Readonly<Record<string, BuildCase>> = {
  'bo-s01': { keys: { user_id: 'STRING' }, columns: { amt: 'DOUBLE' } },
  'bo-s02': { keys: { user_id: 'INT64' }, columns: { amt: 'INT64' } },
  'bo-s03': { keys: { user_id: 'STRING', merchant_id: 'STRING' }, columns: { n: 'INT64' } },
  'bo-s04': { keys: { user_id: 'STRING' }, columns: { first: 'STRING', dob: 'STRING', amt: 'DOUBLE' } },
  'bo-s05': { keys: { user_id: 'STRING' }, columns: { amt: 'DOUBLE' } },
};

const JOHN = { first: string('John'), last: string('Doe'), dob: string('1990-01-15') };
/** `entity_key("first", "last", "dob", alias="user_id")` */
const entityKeys = { user_id: { from_columns: ['first', 'last', 'dob'] } };
const spend: MlforgeFeature = {
  name: 'user_spend',
  keys: { user_id: 'STRING' },
  columns: { amt: 'DOUBLE', n: 'INT64' },
  ttlSeconds: 60,
};
const risk: MlforgeFeature = { name: 'risk', keys: { user_id: 'STRING' }, columns: { risk: 'FLOAT' } };
const ofMerchant: MlforgeFeature = {
  name: 'user_merchant',
  keys: { user_id: 'STRING', merchant_id: 'INT64' },
  columns: { m: 'INT64' },
};

describe("mlforge's rows over gRPC", () => {
  let server: RedisServer;
  let repo: FeatureRepo | undefined;
  let project: ServedProject | undefined;

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  beforeEach(() => server.client.flushall());

  afterEach(async () => {
    await project?.close();
    repo?.remove();
    project = undefined;
    repo = undefined;
  });

  const serve = async (features: readonly MlforgeFeature[], sideboard: object = {}): Promise<ServedProject> => {
    repo = createMlforgeRepo({
      features,
      onlineStore: { type: 'mlforge_redis', host: '127.0.0.1', port: server.port },
      sideboard: { entity_keys: entityKeys, ...sideboard },
    });
    project = await serveProject(repo.path);
    return project;
  };

  const put = async (rows: Readonly<Record<string, string>>): Promise<void> => {
    for (const [key, text] of Object.entries(rows)) await server.client.set(key, text);
  };

  /** Feature to its values and statuses. */
  const answersOf = async (ask: Ask): Promise<Readonly<Record<string, unknown>>> => {
    const answer = await project?.client.ask(ask);
    const sent = Object.keys(ask.entities ?? {});
    return Object.fromEntries(
      (answer?.columns ?? [])
        .filter(({ name }) => !sent.includes(name))
        .map(({ name, values, statuses }) => [name, values.map((value, row) => [value, statuses[row]])]),
    );
  };

  const column = (...values: Value[]): readonly Value[] => values;
  const asked = (row: Readonly<Record<string, Value>>): NonNullable<Ask['entities']> =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, column(value)]));

  for (const vector of readGoldenLines<BuildVector>('mlforge', 'build_online.jsonl')) {
    const build = builds[vector.id];

    it(`are what mlforge's own get_online_features finds in ${vector.id}`, async () => {
      assert.ok(build);
      await put(vector.redis);
      await serve([{ name: vector.feature_name, ...build }]);
      // A request id belongs to no view: it travels as request data.
      const names = Object.keys(vector.request[0] ?? {}).filter((name) => name !== 'request_id');
      const entities = Object.fromEntries(
        names.map((name) => [name, vector.request.map((row) => valueFrom(row[name]))]),
      );
      const features = Object.keys(build.columns).map((name) => `${vector.feature_name}:${name}`);
      // Columns of the request and features may share their names here.
      const answers = await answersOf({ features, entities, fullNames: true });
      for (const [name, type] of Object.entries(build.columns)) {
        const expected = vector.response.map((row) => {
          // mlforge tells its own columns from those of the request by a suffix.
          const value = row[`${name}_right`] ?? (name in entities ? undefined : row[name]);
          if (value !== undefined && value !== null) return [comparableValue(typed(value, type)), 'PRESENT'];
          return [comparableValue(nothing), row[name] === null && isStored(vector, row) ? 'NULL_VALUE' : 'NOT_FOUND'];
        });
        assert.deepEqual(answers[`${vector.feature_name}__${name}`], expected, name);
      }
    });
  }

  it('are found by the columns that a surrogate key is made from, in several views', async () => {
    await put({
      'mlforge:user_spend:27459733579aa7af': '{"amt": 150.0, "n": 5}',
      'mlforge:risk:27459733579aa7af': '{"risk": NaN}',
    });
    await serve([spend, risk]);
    const nobody = { first: nothing, last: string('Doe'), dob: string('1990-01-15') };
    const entities = Object.fromEntries(
      Object.entries(JOHN).map(([name, value]) => [name, [value, nobody[name as keyof typeof nobody], value]]),
    );
    const answers = await answersOf({ features: ['user_spend:amt', 'user_spend:n', 'risk:risk'], entities });
    assert.deepEqual(answers, {
      amt: [
        [{ doubleVal: 150 }, 'PRESENT'],
        [{}, 'NOT_FOUND'],
        [{ doubleVal: 150 }, 'PRESENT'],
      ],
      n: [
        [{ int64Val: '5' }, 'PRESENT'],
        [{}, 'NOT_FOUND'],
        [{ int64Val: '5' }, 'PRESENT'],
      ],
      risk: [
        [{ floatVal: 'NaN' }, 'PRESENT'],
        [{}, 'NOT_FOUND'],
        [{ floatVal: 'NaN' }, 'PRESENT'],
      ],
    });
  });

  it('are found with a null among these columns', async () => {
    await put({ 'mlforge:user_spend:01c3be05232511a7': '{"n": 1}' });
    await serve([spend]);
    const answers = await answersOf({ features: ['user_spend:n'], entities: asked({ ...JOHN, first: nothing }) });
    assert.deepEqual(answers, { n: [[{ int64Val: '1' }, 'PRESENT']] });
  });

  it('are found by the join key itself, without an algorithm', async () => {
    await put({ 'mlforge:user_spend:27459733579aa7af': '{"n": 1}' });
    await serve([spend]);
    const entities = asked({ user_id: string('9660258542730234060') });
    assert.deepEqual(await answersOf({ features: ['user_spend:n'], entities }), {
      n: [[{ int64Val: '1' }, 'PRESENT']],
    });
  });

  it('are found by a surrogate key beside another join key', async () => {
    await serve([ofMerchant]);
    const entities = asked({ ...JOHN, merchant_id: int64(7) });
    assert.deepEqual(await answersOf({ features: ['user_merchant:m'], entities }), { m: [[{}, 'NOT_FOUND']] });
    // [["merchant_id", "7"], ["user_id", "9660258542730234060"]]
    await put({ 'mlforge:user_merchant:6a9d07670cb4f655': '{"m": 9}' });
    assert.deepEqual(await answersOf({ features: ['user_merchant:m'], entities }), {
      m: [[{ int64Val: '9' }, 'PRESENT']],
    });
  });

  it('show the columns that were sent, 1970, and no ttl', async () => {
    await put({ 'mlforge:user_spend:27459733579aa7af': '{"n": 1}' });
    const { client } = await serve([spend]);
    const { columns } = await client.ask({ features: ['user_spend:n'], entities: asked(JOHN) });
    assert.deepEqual(
      columns.map(({ name }) => name),
      ['first', 'last', 'dob', 'n'],
    );
    assert.deepEqual(columns[3]?.times, ['1970-01-01T00:00:00Z']);
    assert.deepEqual(columns[3]?.statuses, ['PRESENT']);
  });

  it('are refused with the column that is missing', async () => {
    const { client } = await serve([spend]);
    const { dob: _, ...without } = JOHN;
    const refusal = await refusalOf(client.ask({ features: ['user_spend:n'], entities: asked(without) }));
    assert.equal(refusal.code, 'MISSING_JOIN_KEY');
    assert.match(refusal.message, /"user_id" can be made from "first", "last", "dob", of which "dob" is not sent/);
  });

  it('are refused where a column has no known text', async () => {
    const { client } = await serve([spend]);
    for (const [value, type] of [
      [timestamp(632_361_600), 'UNIX_TIMESTAMP'],
      [double(1e16), 'DOUBLE'],
    ] as const) {
      const refusal = await refusalOf(
        client.ask({ features: ['user_spend:n'], entities: asked({ ...JOHN, dob: value }) }),
      );
      assert.equal(refusal.code, 'INVALID_ENTITY_VALUE');
      assert.match(refusal.message, new RegExp(`^Row 0 of column "dob" is ${type} with no known text`));
    }
    const fine = await answersOf({ features: ['user_spend:n'], entities: asked({ ...JOHN, dob: bool(true) }) });
    assert.deepEqual(fine, { n: [[{}, 'NOT_FOUND']] });
  });

  it('are refused with both the key and its columns', async () => {
    const { client } = await serve([spend]);
    const entities = asked({ ...JOHN, user_id: string('1') });
    assert.equal((await refusalOf(client.ask({ features: ['user_spend:n'], entities }))).code, 'UNKNOWN_ENTITY_COLUMN');
  });

  it('are refused where they are of another type than the registry says', async () => {
    const { client } = await serve([spend]);
    const entities = asked(JOHN);
    for (const [text, code] of [
      ['{"n": 150.0}', 'STORE_VALUE_MISMATCH'],
      ['{"n": "150"}', 'STORE_VALUE_MISMATCH'],
      ['{"n": 9223372036854775808}', 'STORE_VALUE_MISMATCH'],
      ['{"n": 150', 'STORE_CORRUPT'],
      ['[150]', 'STORE_CORRUPT'],
    ] as const) {
      await put({ 'mlforge:user_spend:27459733579aa7af': text });
      const refusal = await refusalOf(client.ask({ features: ['user_spend:n'], entities }));
      assert.equal(refusal.code, code, text);
      assert.equal(refusal.status, 'DATA_LOSS');
      assert.doesNotMatch(refusal.message, /150|9223/);
    }
    await server.client.del('mlforge:user_spend:27459733579aa7af');
    await server.client.hset('mlforge:user_spend:27459733579aa7af', 'n', '1');
    const refusal = await refusalOf(client.ask({ features: ['user_spend:n'], entities }));
    assert.equal(refusal.code, 'STORE_WRONG_LAYOUT');
  });

  it('are looked up by the algorithm that is set, and once only', async () => {
    await put({ 'mlforge:user_spend:27459733579aa7af': '{"n": 1}' });
    await serve([spend], {
      entity_keys: { user_id: { from_columns: ['first', 'last', 'dob'], algorithm: 'polars-2.0' } },
      entity_key_fallback: 'v2',
    });
    const answers = await answersOf({ features: ['user_spend:n'], entities: asked(JOHN) });
    assert.deepEqual(answers, { n: [[{}, 'NOT_FOUND']] });
  });
});

function valueFrom(value: string | number | undefined): Value {
  return typeof value === 'number' ? int64(value) : string(value ?? '');
}

function typed(value: unknown, type: Types[string]): Value {
  if (type === 'DOUBLE') return double(value as number);
  return type === 'INT64' ? int64(value as number) : string(value as string);
}

/** In the recorded builds a stored null is written out. */
function isStored({ redis }: BuildVector, row: Readonly<Record<string, unknown>>): boolean {
  return row.user_id === 2 && Object.values(redis).some((text) => text.includes('null'));
}
