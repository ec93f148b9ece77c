import assert from 'node:assert/strict';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { int64 } from '../support/feature-values.ts';
import { createOnlineFeaturesClient, type OnlineFeaturesClient, refusalOf } from '../support/online-features-client.ts';
import { eventually, type ServingProgram, startServing } from '../support/serving-program.ts';
import { askWho, createWhoRepo } from '../support/who-store.ts';

const CHECK = '/grpc.health.v1.Health/Check';

describe('sideboard serve at its limits', function () {
  this.timeout(60_000);

  let repo: FeatureRepo;
  let program: ServingProgram;
  let client: OnlineFeaturesClient;

  before(async () => {
    repo = createWhoRepo({
      serving: {
        max_in_flight_calls: 2,
        max_entities_per_request: 3,
        max_features_per_request: 1,
        max_values_per_request: 2,
      },
      grpc: { max_message_bytes: 2_048, default_deadline_ms: 4_000 },
    });
    program = await startServing(repo.path);
    client = createOnlineFeaturesClient(await program.ready());
  });

  after(async () => {
    client.close();
    await program.kill();
    repo.remove();
  });

  const metric = async (series: string): Promise<number> => {
    const { text } = await program.page('/metrics');
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1));
  };
  const exceeded = (limit: string): Promise<number> => metric(`sideboard_limits_exceeded_total{limit="${limit}"}`);
  const ask = (features: readonly string[], rows: number) =>
    refusalOf(client.ask({ features, entities: { driver_id: Array.from({ length: rows }, () => int64(0n)) } }));
  const CITY = 'driver_hourly_stats:city';

  it('turns away what is too much at a time, and says that it lives', async () => {
    const held = [askWho(client, 2_500), askWho(client, 2_500)];
    await eventually(async () => ((await metric('sideboard_calls_running')) === 2 ? true : undefined), program.output);
    const refusal = await ask([CITY], 1);
    assert.equal(refusal.status, 'RESOURCE_EXHAUSTED');
    assert.equal(refusal.code, 'TOO_MANY_CALLS');
    assert.deepEqual([...(await client.call(CHECK, new Uint8Array()))], [8, 1]);
    assert.equal((await program.page('/readyz')).status, 200);
    await Promise.all(held);
    assert.equal(await exceeded('in_flight'), 1);
    assert.equal(await metric('sideboard_calls_running'), 0);
  });

  it('refuses requests that are too large, each limit by its name', async () => {
    const cases: readonly (readonly [limit: string, code: string, () => ReturnType<typeof ask>])[] = [
      ['entities', 'TOO_MANY_ENTITIES', () => ask([CITY], 4)],
      ['features', 'TOO_MANY_FEATURES', () => ask([CITY, 'driver_hourly_stats:conv_rate'], 1)],
      ['values', 'TOO_MANY_VALUES', () => ask([CITY], 3)],
      ['message', 'MESSAGE_TOO_LARGE', () => ask([CITY], 1_000)],
    ];
    for (const [limit, code, refuse] of cases) {
      const refusal = await refuse();
      assert.equal(refusal.code, code);
      assert.equal(refusal.status, 'RESOURCE_EXHAUSTED');
      assert.equal(await exceeded(limit), 1);
    }
  });

  it('ends a call without a deadline at the usual one and counts that, but no deadline of a caller', async () => {
    // A client that would wait, and says that it would not.
    const headers = { 'grpc-timeout': '300m' };
    const hurried = createOnlineFeaturesClient(await program.ready(), {}, { headers });
    const early = await refusalOf(askWho(hurried, 60_000)).finally(() => hurried.close());
    assert.equal(early.status, 'DEADLINE_EXCEEDED');
    assert.equal(await exceeded('deadline'), 0);
    const refusal = await refusalOf(askWho(client, 60_000));
    assert.equal(refusal.status, 'DEADLINE_EXCEEDED');
    assert.equal(await exceeded('deadline'), 1);
  });
});
