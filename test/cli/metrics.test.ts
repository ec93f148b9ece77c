import assert from 'node:assert/strict';
import { metrics } from '../../src/operations/metrics/metric-catalogue.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { int64, string } from '../support/feature-values.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { createOnlineFeaturesClient, type OnlineFeaturesClient } from '../support/online-features-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually, type ServingProgram, startServing } from '../support/serving-program.ts';
import { askWho, createWhoRepo } from '../support/who-store.ts';

const METHOD = '/feast.serving.ServingService/GetOnlineFeatures';
const ASK = {
  features: ['driver_hourly_stats:city', 'driver_hourly_stats:conv_rate'],
  entities: { driver_id: [int64(1001n), int64(424242n)] },
};

describe('/metrics of sideboard serve', function () {
  this.timeout(60_000);

  let repo: FeatureRepo;
  let redis: RedisServer;
  let running: ServingProgram | undefined;
  let clients: OnlineFeaturesClient[] = [];

  before(async () => {
    redis = await startRedisServer();
  });

  after(() => redis.remove());

  afterEach(async () => {
    redis.resume();
    for (const client of clients) client.close();
    clients = [];
    await running?.kill();
    repo.remove();
  });

  async function serve(...args: readonly string[]) {
    const program = await startServing(repo.path, ...args);
    running = program;
    const address = await program.ready();
    const connect = (): OnlineFeaturesClient => {
      const client = createOnlineFeaturesClient(address, { 'grpc.use_local_subchannel_pool': 1 });
      clients.push(client);
      return client;
    };
    return { program, client: connect(), connect };
  }

  /** The samples of the page, by series. */
  async function samples(program: ServingProgram): Promise<ReadonlyMap<string, number>> {
    const { status, type, text } = await program.page('/metrics');
    assert.equal(status, 200);
    assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
    const found = new Map<string, number>();
    for (const line of text.trimEnd().split('\n')) {
      if (line.startsWith('# ')) continue;
      const [, series = '', value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      assert.ok(series !== '' && !found.has(series) && !Number.isNaN(Number(value)), line);
      found.set(series, Number(value));
    }
    return found;
  }

  it('shows calls, values, the store, the registry and the process', async () => {
    repo = createSqliteRepo('simple');
    const { program, client } = await serve();
    for (let asked = 0; asked < 3; asked++) await client.ask(ASK);
    await assert.rejects(client.ask({ features: ['no_such_view:x'], entities: ASK.entities }));
    await assert.rejects(client.call('/no.Such/Method', new Uint8Array()));
    const seen = await samples(program);
    assert.equal(seen.get(`sideboard_requests_total{method="${METHOD}",code="OK"}`), 3);
    assert.equal(seen.get(`sideboard_requests_total{method="${METHOD}",code="NOT_FOUND"}`), 1);
    assert.equal(seen.get('sideboard_requests_total{method="other",code="UNIMPLEMENTED"}'), 1);
    assert.equal(seen.get(`sideboard_request_duration_seconds_count{method="${METHOD}"}`), 4);
    assert.equal(seen.get('sideboard_values_total{status="PRESENT"}'), 6);
    assert.equal(seen.get('sideboard_values_total{status="NOT_FOUND"}'), 6);
    assert.equal(seen.get('sideboard_feature_age_seconds_count{view="driver_hourly_stats"}'), 3);
    const store = 'store="sqlite",operation="read"';
    assert.equal(seen.get(`sideboard_store_operation_duration_seconds_count{${store}}`), 3);
    assert.equal(seen.get('sideboard_connections'), 1);
    assert.equal(seen.get('sideboard_calls_in_flight'), 0);
    assert.equal(seen.get('sideboard_plans_compiled_total'), 1);
    assert.equal(seen.get('sideboard_ready'), 1);
    assert.equal(seen.get('sideboard_registry_refreshes_total{result="failed"}'), 0);
    for (const name of ['process_resident_memory_bytes', 'process_open_fds', 'process_cpu_seconds_total']) {
      assert.ok((seen.get(name) ?? 0) > 0, name);
    }
    const age = Date.now() / 1000 - (seen.get('process_start_time_seconds') ?? 0);
    assert.ok(age > 0 && age < 60);
    // A counter of failures appears with the first failure, that of spans with traces, the end of a certificate with TLS; everything else is there from the start.
    const missing = Object.keys(metrics).filter((name) => ![...seen.keys()].some((series) => series.startsWith(name)));
    // SQLite has no pool of connections.
    assert.deepEqual(missing, [
      'sideboard_store_errors_total',
      'sideboard_store_connections',
      'sideboard_store_calls_waiting',
      'sideboard_trace_spans_total',
      'sideboard_tls_certificate_end_seconds',
    ]);
    const open = await program.page('/metrics', { accept: 'application/openmetrics-text; version=1.0.0' });
    assert.match(open.text, /\n# EOF\n$/);
  });

  it('shows the connections to Redis, also one that does not come about', async () => {
    const connections = (seen: ReadonlyMap<string, number>): readonly (number | undefined)[] =>
      ['in_use', 'idle', 'connecting'].map((state) =>
        seen.get(`sideboard_store_connections{store="redis",state="${state}"}`),
      );
    const on = (port: number): FeatureRepo =>
      createSqliteRepo('simple', { online_store: { type: 'redis', connection_string: `127.0.0.1:${port}` } });
    repo = on(redis.port);
    const { program, client } = await serve();
    await client.ask(ASK);
    const seen = await samples(program);
    assert.deepEqual(connections(seen), [0, 1, 0]);
    // Calls share the connection.
    assert.equal(seen.get('sideboard_store_calls_waiting{store="redis"}'), undefined);
    await program.kill();
    repo.remove();
    // Nobody listens there.
    repo = on(1);
    const away = await serve();
    await assert.rejects(away.client.ask(ASK));
    assert.deepEqual(connections(await samples(away.program)), [0, 0, 1]);
  });

  it('counts what the store refuses, and shows nothing that a caller or a secret says', async () => {
    const canary = 'canary-7f3a';
    repo = createSqliteRepo('simple', {
      online_store: { type: 'redis', connection_string: `127.0.0.1:${redis.port},password=${canary}` },
      sideboard: { redis: { command_timeout_ms: 300 } },
    });
    redis.pause();
    const { program, client } = await serve('--log-level', 'trace');
    await assert.rejects(client.ask({ ...ASK, entities: { driver_id: [string(canary)] } }));
    await assert.rejects(client.ask(ASK));
    await assert.rejects(client.ask({ features: [`${canary}:x`], entities: ASK.entities }));
    const seen = await samples(program);
    const failures = [...seen].filter(([series]) =>
      /^sideboard_store_errors_total\{store="redis",operation="read"/.test(series),
    );
    assert.equal(
      failures.reduce((sum, [, value]) => sum + value, 0),
      1,
    );
    for (const path of ['/metrics', '/readyz', '/livez']) {
      assert.ok(!(await program.page(path)).text.includes(canary), path);
    }
    assert.equal((await program.readyz()).ready, false);
  });

  it('adds workers up, those that have ended included', async () => {
    repo = createWhoRepo();
    const { program, client, connect } = await serve('--workers', '2');
    const total = async (): Promise<ReadonlyMap<string, number>> => samples(program);
    const ok = `sideboard_requests_total{method="${METHOD}",code="OK"}`;
    const pids = [await askWho(client), await askWho(connect())];
    assert.notEqual(pids[0], pids[1]);
    const before = await total();
    assert.equal(before.get(ok), 2);
    assert.equal(before.get('sideboard_processes'), 2);
    assert.equal(before.get('sideboard_connections'), 2);
    process.kill(pids[0] ?? 0, 'SIGKILL');
    const after = await eventually(async () => {
      const seen = await total();
      return seen.get('sideboard_connections') === 1 && seen.get('sideboard_processes') === 2 ? seen : undefined;
    }, program.output);
    assert.equal(after.get(ok), 2);
    assert.equal([...after.keys()].filter((series) => series.startsWith('sideboard_build_info{')).length, 1);
  });
});
