import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Value } from '../../gen/feast/types/Value_pb.ts';
import { runCli } from '../support/cli-run.ts';
import { exampleCommands, layOutExampleSources } from '../support/example-project.ts';
import { requireFeast, run } from '../support/feast-session.ts';
import { bool, int32, int64, string, stringList } from '../support/feature-values.ts';
import { type Answer, createOnlineFeaturesClient } from '../support/online-features-client.ts';
import { projectRoot } from '../support/project-root.ts';
import { pushRequest } from '../support/push-project.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ServingProcess, startSideboard } from '../support/sideboard-process.ts';

/** What test/interop/feast/round_trip.py prints; columns by name. */
interface Said {
  readonly listed: readonly string[];
  readonly printed: string;
  readonly sources: Readonly<Record<string, readonly unknown[]>>;
  readonly answers: Readonly<Record<string, readonly unknown[]>>;
  readonly apply: string;
}

const EXAMPLE = 'examples/driver_stats';
const hourly = ['conv_rate', 'acc_rate', 'avg_daily_trips', 'city', 'last_trip'];
const profile = ['vehicle', 'seats', 'verified', 'languages'];
const features = [
  ...hourly.map((name) => `driver_hourly_stats:${name}`),
  ...profile.map((name) => `driver_profile:${name}`),
];

/** Drivers that are not in the Parquet files. */
const PUSHED = 1201;
const UNKNOWN = 1;
const NEWER = '2026-01-20T00:00:00Z';

describe('definitions and Parquet files, from Sideboard to Feast and back', function () {
  this.timeout(180_000);

  before(async function () {
    await requireFeast(this);
  });

  for (const store of ['sqlite', 'redis'] as const) {
    describe(`with the online store in ${store}`, () => {
      let folder: string;
      let redis: RedisServer | undefined;
      let serving: ServingProcess | undefined;
      let said: Said;
      let later: Answer;

      before(async () => {
        folder = mkdtempSync(join(tmpdir(), 'sideboard-round-trip-'));
        redis = store === 'redis' ? await startRedisServer() : undefined;
        layOutExampleSources(folder);
        cpSync(join(folder, EXAMPLE, 'definitions.py'), join(folder, 'definitions.py'));
        rmSync(join(folder, EXAMPLE, 'definitions.py'));
        rmSync(join(folder, EXAMPLE, 'generate.py'));
        if (redis !== undefined) useRedis(folder, redis.port);
        for (const command of exampleCommands()) await succeed(...command);
        serving = await startSideboard(folder);
        const client = createOnlineFeaturesClient(serving.address);
        try {
          await client.call('/GrpcFeatureServer/Push', push(PUSHED, '2026-01-15T00:00:00Z'));
          said = await askFeast(folder);
          later = await client.ask({
            features: ['driver_profile:vehicle', 'driver_hourly_stats:city'],
            entities: { driver_id: [int64(1001), int64(1200), int64(PUSHED), int64(UNKNOWN)] },
          });
        } finally {
          client.close();
        }
      });
      after(async () => {
        await serving?.stop();
        await redis?.remove();
        if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
      });

      it('lists the views in Feast, by its API and by its command line', () => {
        assert.deepEqual(said.listed, ['driver_hourly_stats', 'driver_profile']);
        for (const view of said.listed) {
          assert.match(said.printed, new RegExp(`^${view} +\\{'driver'\\} +FeatureView`, 'm'));
        }
      });

      it('answers in Feast with the newest row of every driver in the Parquet files', () => {
        const { sources, answers } = said;
        assert.equal(sources.driver_id?.length, 200);
        assert.deepEqual(Object.keys(answers).toSorted(), ['driver_id', ...hourly, ...profile].toSorted());
        for (const [name, values] of Object.entries(sources)) {
          assert.deepEqual(answers[name]?.slice(0, -2), values, name);
        }
        assert.deepEqual(
          sources.city?.filter((city) => city === null),
          new Array(10).fill(null),
        );
      });

      it('answers in Feast with what was pushed, and with nothing for a driver who is not there', () => {
        const pushed = Object.fromEntries(profile.map((name) => [name, said.answers[name]?.slice(-2)]));
        assert.deepEqual(pushed, {
          vehicle: ['cargo bike', null],
          seats: [1, null],
          verified: [true, null],
          languages: [['nb', 'ü'], null],
        });
        for (const name of hourly) assert.deepEqual(said.answers[name]?.slice(-2), [null, null], name);
      });

      it('serves what Feast materializes behind it', () => {
        const [, vehicle, city] = later.columns;
        assert.deepEqual(vehicle?.statuses, ['PRESENT', 'PRESENT', 'PRESENT', 'NOT_FOUND']);
        assert.deepEqual(vehicle?.values.slice(0, 3), [
          { stringVal: 'tractor' },
          { stringVal: 'tractor' },
          { stringVal: 'cargo bike' },
        ]);
        assert.deepEqual(vehicle?.times.slice(0, 2), [NEWER, NEWER]);
        assert.deepEqual(city?.statuses, ['PRESENT', 'NULL_VALUE', 'NOT_FOUND', 'NOT_FOUND']);
      });

      it('has nothing to apply behind feast apply', async () => {
        assert.match(said.apply, /^Applying changes for project driver_stats$/m);
        const plan = await succeed('apply', '--dry-run', '--detailed-exitcode');
        assert.match(plan, /^Nothing to change/);
      });

      it('goes on where Feast ended: an incremental load begins at the end of its interval', async () => {
        const { status, stderr } = await runCli(
          ['materialize-incremental', '2026-03-01', '--dry-run', '--repo', folder].concat([
            '--views',
            'driver_profile',
          ]),
        );
        assert.equal(status, 0, stderr);
        assert.match(stderr, /^driver_profile: from 2026-02-01T00:00:00Z to 2026-03-01T00:00:00Z$/m);
      });

      async function succeed(...args: readonly string[]): Promise<string> {
        const { status, stdout, stderr } = await runCli([...args, '--repo', folder]);
        assert.equal(status, 0, stderr);
        return stdout;
      }
    });
  }
});

function useRedis(folder: string, port: number): void {
  const file = join(folder, 'feature_store.yaml');
  const config = parse(readFileSync(file, 'utf8')) as object;
  const online_store = { type: 'redis', connection_string: `127.0.0.1:${port}` };
  writeFileSync(file, stringify({ ...config, online_store }));
}

function push(driver: number, time: string): Uint8Array {
  const typedFeatures: Record<string, Value> = {
    driver_id: int64(driver),
    vehicle: string('cargo bike'),
    seats: int32(1),
    verified: bool(true),
    languages: stringList('nb', 'ü'),
    event_timestamp: string(time),
  };
  return pushRequest({ streamFeatureView: 'driver_profile_push', typedFeatures });
}

async function askFeast(repo: string): Promise<Said> {
  const python = join(projectRoot, '.venv/feast/bin/python');
  const script = join(projectRoot, 'test/interop/feast/round_trip.py');
  const reads = JSON.stringify({ features, drivers: [PUSHED, UNKNOWN] });
  const { status, stdout, output } = await run(python, [script, repo, reads, NEWER]);
  assert.equal(status, 0, output);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Said;
}
