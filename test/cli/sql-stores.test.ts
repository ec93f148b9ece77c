import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../support/cli-run.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { string } from '../support/feature-values.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { sharedMysqlServer } from '../support/mysql-server.ts';
import { createOnlineFeaturesClient } from '../support/online-features-client.ts';
import { sharedPostgresServer } from '../support/postgres-server.ts';
import { startServing } from '../support/serving-program.ts';

const DATABASE = 'cli';
const ROW = '{"customer_id": "c-1", "clicks": 9007199254740993, "event_timestamp": "2026-01-10T08:00:00.5Z"}\n';

/** The samples of Feast's documentation, up to what a test has to put in: address, names and password. */
const samples = {
  mysql: (port: number) => `
project: shop
registry: data/registry.db
provider: local
online_store:
    type: mysql
    host: 127.0.0.1
    port: ${port}
    database: ${DATABASE}
    user: root
    password: root
`,
  'mysql, of one’s own as in the guide': (port: number) => `
project: shop
registry: data/registry.db
provider: local
online_store:
    # Make sure to specify the type as the fully qualified path that Feast can import.
    type: feast_custom_online_store.mysql.MySQLOnlineStore
    user: root
    password: root
    database: ${DATABASE}
    port: ${port}
`,
  'mysql, with batches': (port: number) => `
project: shop
registry: data/registry.db
provider: local
online_store:
    type: mysql
    host: 127.0.0.1
    port: ${port}
    database: ${DATABASE}
    user: root
    password: root
    batch_write: true
    batch_size: 100
`,
  postgres: (port: number) => `
project: shop
registry: data/registry.db
provider: local
online_store:
    type: postgres
    host: 127.0.0.1
    port: ${port}
    database: ${DATABASE}
    db_schema: feature_store
    user: postgres
    password: postgres
    sslmode: disable
    sslkey_path: /path/to/client-key.pem
    sslcert_path: /path/to/client-cert.pem
    sslrootcert_path: /path/to/server-ca.pem
`,
  'postgres, by the path of its class and pooled': (port: number) => `
project: shop
registry: data/registry.db
provider: local
online_store:
    type: feast.infra.online_stores.postgres_online_store.postgres.PostgreSQLOnlineStore
    host: 127.0.0.1
    port: ${port}
    database: ${DATABASE}
    user: postgres
    password: postgres
    sslmode: disable
    conn_type: pool
    min_conn: 2
    max_conn: 4
    keepalives_idle: 30
    similarity: cosine
`,
} as const;

for (const [name, sample] of Object.entries(samples)) {
  describe(`the command line on ${name}`, function () {
    this.timeout(60_000);
    let repo: FeatureRepo;
    let where = '';

    before(async () => {
      const server = name.startsWith('mysql') ? await sharedMysqlServer() : await sharedPostgresServer();
      await server.createDatabase(DATABASE);
      where = `127.0.0.1:${server.port}`;
      repo = createSqliteRepo('multiview');
      writeFileSync(join(repo.path, 'feature_store.yaml'), sample(server.port));
    });

    after(() => repo?.remove());

    const sideboard = (args: readonly string[], input = '') => runCli([...args, '--repo', repo.path], { input });
    const write = () => sideboard(['write', 'live_counters', '-', '--format', 'jsonl'], ROW);

    it('makes tables, writes, reads, looks after them and removes them', async () => {
      const early = await write();
      assert.match(early.stderr, /error STORE_TABLE_MISSING: .*shop_live_counters/);
      assert.match((await sideboard(['apply', '--dry-run'])).stdout, /\nlive_counters +customer_id +to be created\n/);
      assert.match((await sideboard(['apply'])).stdout, /\nlive_counters +customer_id +created\n/);
      assert.match((await sideboard(['apply'])).stdout, /\nlive_counters +customer_id +there already\n/);
      const written = await write();
      assert.equal(written.stderr, '');
      assert.match(written.stdout, /^1 row of live_counters written in \d/);
      const { stdout } = await sideboard(['get', '--features', 'live_counters:clicks', '--entity', 'customer_id=c-1']);
      assert.match(stdout, /\nc-1 +clicks +9007199254740993 +OUTSIDE_MAX_AGE +2026-01-10T08:00:00(\.500)?Z\n/);
      const checked = await sideboard(['doctor']);
      assert.equal(checked.status, 0, checked.stdout);
      assert.match(checked.stdout, /\nok +tables +/);
    });

    it('serves', async () => {
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
        const idle = Number(/^sideboard_store_connections\{store="[^"]+",state="idle"\} (\d+)$/m.exec(text)?.[1]);
        assert.ok(idle >= 1, text);
        assert.match(text, /^sideboard_store_connections\{store="[^"]+",state="in_use"\} 0$/m);
        assert.match(text, /^sideboard_store_calls_waiting\{store="[^"]+"\} 0$/m);
      } finally {
        client.close();
        serving.child.kill('SIGTERM');
        assert.deepEqual(await serving.ended, [0, null]);
      }
    });

    it('tears down what it made', async () => {
      assert.match((await sideboard(['teardown', '--yes'])).stdout, /live_counters/);
      assert.match((await sideboard(['teardown', '--yes'])).stderr, /holds nothing/);
    });

    it('says where it failed to connect, and with what code, when nobody is there', async () => {
      const file = join(repo.path, 'feature_store.yaml');
      writeFileSync(file, readFileSync(file, 'utf8').replace(where.slice('127.0.0.1:'.length), '1'));
      const { stderr, status } = await sideboard([
        'get',
        '--features',
        'live_counters:clicks',
        '--entity',
        'customer_id=c-1',
      ]);
      assert.match(stderr, /error STORE_UNAVAILABLE: .* at 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/);
      assert.notEqual(status, 0);
    });
  });
}

describe('doctor on PostgreSQL, as a user who may not read', function () {
  this.timeout(60_000);
  let repo: FeatureRepo;

  after(() => repo?.remove());

  it('names each view, and what the user lacks', async () => {
    const server = await sharedPostgresServer();
    await server.createDatabase(DATABASE);
    await server.query("DROP ROLE IF EXISTS blind; CREATE ROLE blind LOGIN PASSWORD 'blind'");
    repo = createSqliteRepo('multiview');
    const file = join(repo.path, 'feature_store.yaml');
    const sample = samples['postgres, by the path of its class and pooled'](server.port);
    writeFileSync(file, sample);
    assert.equal((await runCli(['apply', '--repo', repo.path])).status, 0);
    writeFileSync(
      file,
      sample.replace('user: postgres', 'user: blind').replace('password: postgres', 'password: blind'),
    );
    const { stdout, status } = await runCli(['doctor', '--repo', repo.path]);
    for (const view of ['customer_profile', 'customer_orders']) {
      const denied = `does not allow the user to do this: permission denied for table "shop_${view}" \\(42501\\)`;
      assert.match(stdout, new RegExp(`FAILED +rows +${view}: STORE_PERMISSION_DENIED: .*${denied}`));
    }
    assert.notEqual(status, 0);
  });
});
