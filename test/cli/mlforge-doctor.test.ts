import assert from 'node:assert/strict';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { runCli } from '../support/cli-run.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { readGoldenLines } from '../support/golden.ts';
import { createMlforgeRepo, type MlforgeFeature } from '../support/mlforge-repo.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';

const NAMES = { first: 'STRING', last: 'STRING', dob: 'STRING' } as const;
const spend: MlforgeFeature = { name: 'user_spend', keys: { user_id: 'STRING' }, columns: { ...NAMES, amt: 'DOUBLE' } };

describe('on mlforge rows, the command doctor', () => {
  let server: RedisServer;
  let repo: FeatureRepo | undefined;

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  beforeEach(async () => {
    await server.client.flushall();
    // Rows that mlforge built from first, last and dob, which it stored as well.
    const built = readGoldenLines<{ id: string; redis: Readonly<Record<string, string>> }>(
      'mlforge',
      'build_online.jsonl',
    );
    const rows = built.find(({ id }) => id === 'bo-s04')?.redis ?? assert.fail('no recording');
    for (const [key, text] of Object.entries(rows)) await server.client.set(key, text);
  });

  afterEach(() => repo?.remove());

  const doctor = async (algorithm: string, feature = spend, columns = ['first', 'last', 'dob']) => {
    repo = createMlforgeRepo({
      features: [feature],
      onlineStore: { type: 'mlforge_redis', host: '127.0.0.1', port: server.port },
      sideboard: { entity_keys: { user_id: { from_columns: columns, algorithm } } },
    });
    return runCli(['doctor', '--repo', repo.path]);
  };

  it('finds that keys were made by the algorithm that is set', async () => {
    const { status, stdout } = await doctor('polars-1');
    assert.match(stdout, /ok +rows +user_spend: values fit the registry \(2 sampled\)\n/);
    assert.match(stdout, /ok +rows +user_spend: user_id was made by polars-1 \(2 sampled\)\n/);
    assert.equal(status, 0);
  });

  it('finds the algorithm by which they were made', async () => {
    const { status, stdout } = await doctor('polars-2.0');
    assert.match(
      stdout,
      /FAILED +rows +user_spend: user_id was made by polars-1 in 2 of 2 sampled rows, by polars-2\.0 in 0\n +-> Set sideboard\.entity_keys\.user_id\.algorithm: polars-1/,
    );
    assert.equal(status, exitCodes.store.code);
  });

  it('says when no algorithm fits', async () => {
    const { stdout } = await doctor('polars-1', spend, ['last', 'first', 'dob']);
    assert.match(
      stdout,
      /FAILED +rows +user_spend: user_id was made by no algorithm that is known here, or from other columns \(2 sampled\)\n +-> Check the names and the order of the columns\. Rows made with polars 2\.1 or later .* let callers send user_id itself\./,
    );
  });

  it('says when rows do not hold the columns', async () => {
    await server.client.flushall();
    await server.client.set('mlforge:user_spend:27459733579aa7af', '{"amt": 10.0}');
    const { status, stdout } = await doctor('polars-1');
    assert.match(
      stdout,
      /warning +rows +user_spend: user_id is made by polars-1; whether the rows were cannot be told/,
    );
    assert.equal(status, 0);
  });

  it('warns of values that do not fit and of a ttl that is not applied, and of no rows at all', async () => {
    const misfit = { ...spend, columns: { ...NAMES, amt: 'INT64' }, ttlSeconds: 60 } as const;
    const { status, stdout } = await doctor('polars-1', misfit);
    assert.match(
      stdout,
      /warning +rows +user_spend: 2 of 2 sampled rows hold values of amt that do not fit\. INT64 takes a whole/,
    );
    assert.match(stdout, /warning +rows +user_spend: the view's ttl is not applied/);
    assert.equal(status, 0);
    repo?.remove();
    await server.client.flushall();
    assert.match((await doctor('polars-1')).stdout, /warning +rows +user_spend: no rows were seen\n/);
  });

  it('fails for a row that is not JSON', async () => {
    await server.client.set('mlforge:user_spend:0000000000000000', '{');
    const { status, stdout } = await doctor('polars-1');
    assert.match(
      stdout,
      /FAILED +rows +user_spend: STORE_CORRUPT: What is stored for a sampled row of feature view "user_spend"/,
    );
    assert.equal(status, exitCodes.store.code);
  });

  it('get asks by the columns of a surrogate key', async () => {
    await doctor('polars-1');
    const entities = ['--entity', 'first=Jane', '--entity', 'last=Smith', '--entity', 'dob=1985-06-20'];
    const run = await runCli(['get', '--features', 'user_spend:amt', ...entities, '--repo', repo?.path ?? '']);
    assert.match(run.stdout, /Jane +Smith +1985-06-20 +amt +20\.0 +PRESENT +-\n/);
  });
});
