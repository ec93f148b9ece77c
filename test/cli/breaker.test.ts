import assert from 'node:assert/strict';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { int64 } from '../support/feature-values.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { createOnlineFeaturesClient, type OnlineFeaturesClient, refusalOf } from '../support/online-features-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually, type ServingProgram, startServing } from '../support/serving-program.ts';
import { type SwitchableProxy, startSwitchableProxy } from '../support/switchable-proxy.ts';

const ASK = { features: ['driver_hourly_stats:city'], entities: { driver_id: [int64(1001n)] } };

describe('sideboard serve with a store that stops answering', function () {
  this.timeout(60_000);

  let redis: RedisServer;
  let proxy: SwitchableProxy;
  let repo: FeatureRepo;
  let program: ServingProgram;
  let client: OnlineFeaturesClient;

  before(async () => {
    redis = await startRedisServer();
  });

  after(() => redis.remove());

  async function serve(sideboard: object = {}): Promise<void> {
    proxy = await startSwitchableProxy(redis.port);
    repo = createSqliteRepo('simple', {
      online_store: { type: 'redis', connection_string: `127.0.0.1:${proxy.port}` },
      sideboard,
    });
    program = await startServing(repo.path);
    client = createOnlineFeaturesClient(await program.ready());
    await client.ask(ASK);
  }

  afterEach(async () => {
    client.close();
    await program.kill();
    await proxy.close();
    repo.remove();
  });

  const metric = async (series: string): Promise<number> => {
    const { text } = await program.page('/metrics');
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1));
  };
  const state = (): Promise<number> => metric('sideboard_store_breaker_state{store="redis"}');

  it('answers UNAVAILABLE at once, soon after the black hole began, and goes on when it is over', async () => {
    await serve();
    proxy.hold();
    const start = performance.now();
    // Its deadline is the default one, of five seconds: it stays with the store.
    const first = refusalOf(client.ask(ASK));
    await eventually(async () => ((await state()) > 0 ? true : undefined), program.output);
    // Within a second where the machine has time; its deadline is far.
    assert.ok(performance.now() - start < 3_000);
    const refusedAt = performance.now();
    const refusal = await refusalOf(client.ask(ASK));
    assert.equal(refusal.status, 'UNAVAILABLE');
    assert.equal(refusal.code, 'STORE_CIRCUIT_OPEN');
    assert.ok(performance.now() - refusedAt < 2_000);
    assert.ok((await metric('sideboard_store_breaker_refused_total{store="redis"}')) >= 1);
    assert.ok((await metric('sideboard_store_breaker_changes_total{store="redis",state="open"}')) >= 1);
    assert.equal((await first).status, 'DEADLINE_EXCEEDED');
    proxy.release();
    const backAt = performance.now();
    await eventually(
      () =>
        client.ask(ASK).then(
          () => true,
          () => undefined,
        ),
      program.output,
    );
    assert.ok(performance.now() - backAt < 5_000);
    assert.equal(await state(), 0);
    const log = program.output();
    assert.equal(log.match(/the circuit breaker has opened/g)?.length, 1);
    assert.equal(log.match(/the circuit breaker has closed/g)?.length, 1);
  });

  /** Breaks the connections under a read that was sent. */
  async function askAndCut(): Promise<unknown> {
    proxy.hold();
    const asking = client.ask(ASK);
    const settled = asking.catch(() => {});
    await eventually(
      async () => ((await metric('sideboard_calls_in_flight')) === 1 ? true : undefined),
      program.output,
    );
    proxy.cut();
    proxy.release();
    await settled;
    return asking;
  }

  it('reads again what a connection lost, as far as the allowance goes', async () => {
    await serve();
    await askAndCut();
    assert.equal(await metric('sideboard_store_retries_total{store="redis",result="granted"}'), 1);
    // A tenth of two calls is not one.
    assert.equal((await refusalOf(askAndCut())).code, 'STORE_UNAVAILABLE');
    assert.equal(await metric('sideboard_store_retries_total{store="redis",result="denied"}'), 1);
    await client.ask(ASK);
  });

  it('has no breaker where it is switched off', async () => {
    await serve({ breaker: { enabled: 'off' }, redis: { command_timeout_ms: 1_500 } });
    proxy.hold();
    const refusals = await Promise.all(Array.from({ length: 8 }, () => refusalOf(client.ask(ASK))));
    assert.deepEqual([...new Set(refusals.map(({ code }) => code))], ['STORE_TIMEOUT']);
    assert.ok(Number.isNaN(await state()));
  });
});
