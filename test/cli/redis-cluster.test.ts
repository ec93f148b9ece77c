import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runCli } from '../support/cli-run.ts';
import { comparableValue, double, int64, string } from '../support/feature-values.ts';
import { createOnlineFeaturesClient, type OnlineFeaturesClient, refusalOf } from '../support/online-features-client.ts';
import { pushRequest } from '../support/push-project.ts';
import { waitFor } from '../support/redis-server.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-topologies.ts';
import { type ServingProcess, startSideboard } from '../support/sideboard-process.ts';

const RIDERS = 900;
const AT = '2026-01-10T12:00:00Z';
const riders = Array.from({ length: RIDERS }, (_, index) => index + 1);
const features = ['rides:trips', 'rides:spend', 'homes:city'];

const definitions = `
entities: [{name: rider, join_key: rider_id, value_type: Int64}]
sources:
  - {name: rides_file, type: file, path: rides.jsonl, timestamp_field: t}
  - {name: rides_push, type: push, batch_source: rides_file}
  - {name: homes_file, type: file, path: homes.jsonl, timestamp_field: t}
feature_views:
  - {name: rides, entities: [rider], source: rides_push, schema: [{name: trips, dtype: Int64}, {name: spend, dtype: Float64}]}
  - {name: homes, entities: [rider], source: homes_file, schema: [{name: city, dtype: String}]}
`;

describe('a project on a Redis Cluster of three masters', function () {
  this.timeout(60_000);
  let cluster: RedisCluster;
  let repo = '';
  let serving: ServingProcess | undefined;
  let client: OnlineFeaturesClient | undefined;

  before(async () => {
    cluster = await startRedisCluster();
    repo = mkdtempSync(join(tmpdir(), 'sideboard-cluster-'));
    const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const older = riders.map((rider_id) => ({ rider_id, trips: 0, spend: -1, t: '2026-01-10T11:00:00Z' }));
    const newer = riders.map((rider_id) => ({ rider_id, trips: rider_id * 3, spend: rider_id / 8, t: AT }));
    const files = {
      'definitions.yaml': definitions,
      'rides.jsonl': lines([...newer, ...older]),
      'homes.jsonl': lines(riders.map((rider_id) => ({ rider_id, city: `Ås ${rider_id}`, t: AT }))),
      'feature_store.yaml': stringify({
        project: 'p',
        registry: 'registry.db',
        online_store: {
          type: 'redis',
          redis_type: 'redis_cluster',
          connection_string: cluster.masters.map(({ port }) => `127.0.0.1:${port}`).join(','),
        },
      }),
    };
    for (const [file, text] of Object.entries(files)) writeFileSync(join(repo, file), text);
    for (const args of [['apply'], ['materialize', '2026-01-01', '2026-02-01']]) {
      const { status, stderr } = await runCli([...args, '--repo', repo]);
      assert.equal(status, 0, stderr);
    }
    serving = await startSideboard(repo);
    client = createOnlineFeaturesClient(serving.address);
  });

  after(async () => {
    client?.close();
    await serving?.stop();
    await cluster?.remove();
    rmSync(repo, { recursive: true, force: true });
  });

  /** Answers about these riders: per feature, what `shown` makes of value and status. */
  const ask = async (ids: readonly number[]) => {
    assert.ok(client);
    const { columns } = await client.ask({ features, entities: { rider_id: ids.map(int64) } });
    return columns
      .slice(1)
      .map(({ values, statuses }) => values.map((value, row) => ({ value, status: statuses[row] })));
  };
  const present = (value: Parameters<typeof comparableValue>[0]) => ({
    value: comparableValue(value),
    status: 'PRESENT',
  });

  it('serves every row that was materialized, from all masters at once', async () => {
    const stored = await Promise.all(cluster.masters.map((master) => master.client.dbsize()));
    assert.equal(
      stored.reduce((sum, count) => sum + count),
      RIDERS,
      'one key per entity, whatever the number of views',
    );
    assert.ok(Math.min(...stored) > RIDERS / 5, stored.join(' '));
    const [trips, spend, city] = await ask(riders);
    assert.deepEqual(
      trips,
      riders.map((id) => present(int64(id * 3))),
    );
    assert.deepEqual(
      spend,
      riders.map((id) => present(double(id / 8))),
    );
    assert.deepEqual(
      city,
      riders.map((id) => present(string(`Ås ${id}`))),
    );
  });

  it('serves rows that were pushed, wherever they belong, and no older one over a newer one', async () => {
    assert.ok(client);
    const pushed = riders.slice(0, 60);
    const push = async (rider: number, trips: number, time: string): Promise<void> => {
      const request = pushRequest({
        streamFeatureView: 'rides_push',
        typedFeatures: {
          rider_id: int64(rider),
          trips: int64(trips),
          spend: double(0.5),
          t: string(time),
        },
      });
      await client?.call('/GrpcFeatureServer/Push', request);
    };
    await Promise.all(pushed.map((rider) => push(rider, -rider, '2026-01-11T00:00:00Z')));
    await Promise.all(pushed.map((rider) => push(rider, 7, AT)));
    const [trips, , city] = await ask(riders.slice(0, 90));
    assert.deepEqual(
      trips,
      riders.slice(0, 90).map((id) => present(int64(id <= 60 ? -id : id * 3))),
    );
    assert.deepEqual(city?.at(0), present(string('Ås 1')), 'the other view of the same key is left alone');
  });

  it('holds no more connections to a master than docs/guide/scale.md counts', async () => {
    // The client library makes one more for a moment when it asks for the layout.
    await waitFor(async () => {
      const counts = await Promise.all(
        cluster.masters.map(async (master) => {
          const list = String(await master.client.call('CLIENT', 'LIST', 'TYPE', 'normal'));
          return list.split('\n').filter((line) => / cmd=/.test(line) && !/ cmd=client/.test(line)).length;
        }),
      );
      // One for reads, one for pushed rows, and the library's own to those that it has asked.
      assert.ok(Math.min(...counts) >= 2 && Math.max(...counts) <= 3, counts.join(' '));
    }, 'the number of connections');
  });

  it('fails for rows whose master is gone, and never calls them not found', async () => {
    const [first, second, third] = cluster.masters;
    assert.ok(first && second && third && client);
    await Promise.all([first, second].map((node) => node.client.config('SET', 'cluster-require-full-coverage', 'no')));
    await third.stop();
    try {
      const call = client.ask({ features, entities: { rider_id: riders.map(int64) } });
      const { code } = await refusalOf(call);
      // The time of a call may run out while its rows are asked for elsewhere.
      assert.ok(code === 'STORE_UNAVAILABLE' || code === 'STORE_TIMEOUT', code);
    } finally {
      await third.start();
    }
  });
});
