import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { runCli } from '../support/cli-run.ts';
import { RawDynamo } from '../support/dynamodb-items.ts';
import { refusal, startDynamoProxy } from '../support/dynamodb-proxy.ts';
import { type DynamoServer, sharedDynamoServer } from '../support/dynamodb-server.ts';
import { useFreshDatabase } from '../support/dynamodb-store.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { string } from '../support/feature-values.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { createOnlineFeaturesClient } from '../support/online-features-client.ts';
import { createCertificates } from '../support/redis-topologies.ts';
import { startServing } from '../support/serving-program.ts';
import { collect, startProgram } from '../support/sideboard-process.ts';
import { startTlsDoor } from '../support/tls-door.ts';

const ROW = '{"customer_id": "c-1", "clicks": 9007199254740993, "event_timestamp": "2026-01-10T08:00:00.123456Z"}\n';

/** Runs the program to its end. */
async function runProgram(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ stdout: string; stderr: string }> {
  const child = startProgram(args, env);
  const out = collect(child);
  await once(child, 'close');
  return { stdout: out.stdout(), stderr: out.stderr() };
}

describe('the command line on DynamoDB', () => {
  let server: DynamoServer;
  let repo: FeatureRepo;

  before(async function () {
    this.timeout(60_000);
    server = await sharedDynamoServer();
  });

  useFreshDatabase();

  beforeEach(() => {
    const store = { type: 'dynamodb', region: 'us-east-1', endpoint_url: server.url };
    repo = createSqliteRepo('multiview', { online_store: store });
  });

  afterEach(() => repo.remove());

  const sideboard = (args: readonly string[], input = '') => runCli([...args, '--repo', repo.path], { input });
  const write = () => sideboard(['write', 'live_counters', '-', '--format', 'jsonl'], ROW);

  it('makes tables, writes, reads, looks after them and removes them', async () => {
    assert.match((await write()).stderr, /error STORE_TABLE_MISSING: DynamoDB at .* has no table shop\.live_counters/);
    assert.match((await sideboard(['apply', '--dry-run'])).stdout, /\nlive_counters +customer_id +to be created\n/);
    assert.match((await sideboard(['apply'])).stdout, /\nlive_counters +customer_id +created\n/);
    assert.match((await sideboard(['apply'])).stdout, /\nlive_counters +customer_id +there already\n/);
    const written = await write();
    assert.equal(written.stderr, '');
    assert.match(written.stdout, /^1 row of live_counters written in \d/);
    const { stdout } = await sideboard(['get', '--features', 'live_counters:clicks', '--entity', 'customer_id=c-1']);
    assert.match(stdout, /\nc-1 +clicks +9007199254740993 +OUTSIDE_MAX_AGE +2026-01-10T08:00:00\.123456Z\n/);
    const checked = await sideboard(['doctor']);
    assert.equal(checked.status, 0, checked.stdout);
    assert.match(checked.stdout, /\nok +tables +/);
    assert.match((await sideboard(['teardown', '--yes'])).stdout, /live_counters/);
    assert.match((await sideboard(['teardown', '--yes'])).stderr, /holds nothing/);
  });

  it("removes tables that belong to no view any more, and none that are not the project's", async () => {
    const raw = await RawDynamo.open(server.url);
    await raw.createTable('shop.gone');
    await raw.createTable('shop.notes', 'id');
    await raw.createTable('shop_eu.gone');
    await raw.createTable('gone');
    const trial = await sideboard(['apply', '--dry-run']);
    assert.match(trial.stdout, /\ngone +- +to be removed\n/);
    assert.doesNotMatch(trial.stdout, /notes/);
    assert.match((await sideboard(['apply', '--yes'])).stdout, /\ngone +- +removed\n/);
    await sideboard(['teardown', '--yes']);
    const { TableNames } = await raw.send<{ TableNames: string[] }>('ListTables', {});
    assert.deepEqual(TableNames, ['gone', 'shop.notes', 'shop_eu.gone']);
    raw.close();
  });

  it("applies and tears down with the permissions of Feast's documentation, which may not list tables", async () => {
    const proxy = await startDynamoProxy(server.port);
    proxy.intervene(async (call, forward) =>
      call.action === 'ListTables' ? refusal('AccessDeniedException') : forward(),
    );
    const config = join(repo.path, 'feature_store.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace(server.url, proxy.url));
    try {
      const applied = await sideboard(['apply']);
      assert.match(applied.stdout, /\nlive_counters +customer_id +ready\n/);
      assert.match(applied.stderr, /^warning: .*grant dynamodb:ListTables on "\*"/);
      assert.match((await write()).stdout, /^1 row/);
      assert.equal((await sideboard(['doctor'])).status, 0);
      assert.equal((await sideboard(['teardown', '--yes'])).status, 0);
      assert.match((await write()).stderr, /error STORE_TABLE_MISSING/);
    } finally {
      await proxy.close();
    }
  });

  it('says what is missing when there are no credentials', async () => {
    const before = { ...process.env };
    delete process.env.AWS_ACCESS_KEY_ID;
    try {
      const { status, stderr } = await sideboard(['apply']);
      assert.match(stderr, /^error STORE_AUTH_FAILED: .*no AWS credentials were found.*\nhint: .*role/);
      assert.equal(status, exitCodes.store.code);
    } finally {
      process.env.AWS_ACCESS_KEY_ID = before.AWS_ACCESS_KEY_ID;
    }
  });

  it('speaks TLS, and says where a certificate is not trusted', async function () {
    this.timeout(60_000);
    await sideboard(['apply']);
    await write();
    const certificates = createCertificates(repo.path);
    const encrypted = await startTlsDoor(server.port, certificates);
    const config = join(repo.path, 'feature_store.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace(server.url, `https://127.0.0.1:${encrypted.port}`));
    try {
      const args = ['get', '--features', 'live_counters:clicks', '--entity', 'customer_id=c-1', '--repo', repo.path];
      const refused = await runProgram(args, {});
      assert.match(refused.stderr, /error STORE_UNAVAILABLE: .*over TLS \(.*\)\.\nhint: .*NODE_EXTRA_CA_CERTS/);
      const served = await runProgram(args, { NODE_EXTRA_CA_CERTS: certificates.ca });
      assert.match(served.stdout, /\nc-1 +clicks +9007199254740993 /, served.stderr);
    } finally {
      await encrypted.close();
    }
  });

  it('serves', async function () {
    this.timeout(60_000);
    await sideboard(['apply']);
    await write();
    const serving = await startServing(repo.path);
    const client = createOnlineFeaturesClient(await serving.ready());
    try {
      const answer = await client.ask({
        features: ['live_counters:clicks', 'customer_profile:age'],
        entities: { customer_id: [string('c-1'), string('c-2')] },
      });
      const [clicks] = answer.columns.filter(({ name }) => name === 'clicks');
      assert.deepEqual(clicks?.values, [{ int64Val: '9007199254740993' }, {}]);
      const { text } = await serving.page('/metrics');
      const connections = (state: string): number =>
        Number(
          new RegExp(`^sideboard_store_connections\\{store="dynamodb",state="${state}"\\} (\\d+)$`, 'm').exec(
            text,
          )?.[1],
        );
      assert.equal(connections('in_use'), 0);
      assert.ok(connections('idle') >= 1, text);
      assert.match(text, /^sideboard_store_calls_waiting\{store="dynamodb"\} 0$/m);
    } finally {
      client.close();
      serving.child.kill('SIGTERM');
      assert.deepEqual(await serving.ended, [0, null]);
    }
  });
});
