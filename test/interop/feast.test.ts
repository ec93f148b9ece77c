import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { GetOnlineFeaturesResponseSchema } from '../../gen/feast/serving/ServingService_pb.ts';
import { differencesFrom } from '../serving/compatibility/differences.ts';
import { freshAccessKey, setAwsEnvironment } from '../support/aws-environment.ts';
import { sharedDynamoServer } from '../support/dynamodb-server.ts';
import { type FeastRequest, feastSession, requireFeast } from '../support/feast-session.ts';
import { createFeatureRepo, type FeatureRepo } from '../support/feature-repo.ts';
import { int64, string } from '../support/feature-values.ts';
import { sharedMysqlServer } from '../support/mysql-server.ts';
import {
  type Answer,
  answerFromResponse,
  createOnlineFeaturesClient,
  type OnlineFeaturesClient,
} from '../support/online-features-client.ts';
import { sharedPostgresServer } from '../support/postgres-server.ts';
import { projectRoot } from '../support/project-root.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { runSideboard, type ServingProcess, startSideboard } from '../support/sideboard-process.ts';

const folder = join(projectRoot, 'test', 'interop', 'feast');
const statsFeatures = ['conv_rate', 'acc_rate', 'trips', 'rank', 'active', 'city', 'last_seen', 'tags'].map(
  (name) => `driver_stats:${name}`,
);

/** Known drivers, one without rows, a composite key of which one half is known, a service. */
const materialized: readonly FeastRequest[] = [
  { features: statsFeatures, entities: { driver_id: [1001, 1002, 1003, 1004, 1005, 4711] } },
  {
    features: ['ride_stats:rides', 'ride_stats:rating', 'driver_stats:city'],
    entities: { driver_id: [1001, 1002, 1003, 1001], customer_id: ['c2', 'c0', 'c1', 'nobody'] },
  },
  { service: 'ranking', entities: { driver_id: [1004], customer_id: ['c2'] }, full_feature_names: true },
];

/** The rows of rows.jsonl and rides.csv. */
const written: readonly FeastRequest[] = [
  { features: statsFeatures, entities: { driver_id: [2001, 2002, 1001, 1002] } },
  {
    features: ['ride_stats:rides', 'ride_stats:rating'],
    entities: { driver_id: [2001, 2001, 1001], customer_id: ['c,1', '', 'c2'] },
  },
];

const stores = ['sqlite', 'redis', 'dynamodb', 'mysql', 'postgres'] as const;

describe('next to real Feast', function () {
  this.timeout(300_000);

  before(async function () {
    await requireFeast(this);
  });

  for (const store of stores) {
    describe(`with its online store in ${store}`, () => {
      let redisServer: RedisServer | undefined;
      let restoreEnvironment: (() => void) | undefined;
      let repo: FeatureRepo;
      let serving: ServingProcess;
      let client: OnlineFeaturesClient;

      before(async () => {
        redisServer = store === 'redis' ? await startRedisServer() : undefined;
        const onlineStore = await onlineStoreSection(store, redisServer);
        if (store === 'dynamodb') restoreEnvironment = setAwsEnvironment(freshAccessKey());
        repo = createFeatureRepo({
          config: join(folder, 'feature_store.yaml'),
          files: { 'definitions.py': join(folder, 'definitions.py') },
          sections: {
            ...(onlineStore === undefined ? {} : { online_store: onlineStore }),
            sideboard: { serving: { compatibility: 'feast-python' } },
          },
        });
        assert.deepEqual(await feastSession('materialize', repo.path), {
          materialized: ['driver_stats', 'ride_stats'],
        });
        serving = await startSideboard(repo.path);
        client = createOnlineFeaturesClient(serving.address);
      });
      after(async () => {
        client?.close();
        await serving?.stop();
        repo?.remove();
        await redisServer?.remove();
        restoreEnvironment?.();
      });

      it('serves what Feast materialized as Feast reads it', async () => {
        await assertSameAnswers(materialized);
      });

      it('answers the stubs of the feast package on grpcio', async () => {
        const { answers, refusal, version } = await feastSession<PythonCalls>('call', serving.address, materialized);
        for (const [index, request] of materialized.entries()) {
          // Python sends the entries of a map in any order, and entity columns are answered in the order sent.
          const ours = await client.ask(askFrom(request));
          assert.deepEqual([...differencesFrom(answerFromHex(answers[index] ?? ''), ours)], []);
        }
        assert.equal(refusal.status, 'NOT_FOUND');
        assert.match(refusal.details, /There is no feature service "nope" in project "interop"\./);
        assert.match(version, /^sideboard \d/);
      });

      it('writes rows that Feast reads', async () => {
        for (const [view, file, rows] of [
          ['driver_stats', 'rows.jsonl', 3],
          ['ride_stats', 'rides.csv', 2],
        ] as const) {
          const { status, stdout, stderr } = await runSideboard('write', view, join(folder, file), '--repo', repo.path);
          assert.equal(status, 0, stderr);
          assert.match(stdout + stderr, new RegExp(`\\b${rows} rows\\b`));
        }
        const answers = await assertSameAnswers(written);
        const [stats, rides] = answers;
        assert.deepEqual(valuesOf(stats, 'trips'), [
          { int64Val: '9007199254740993' },
          {},
          { int64Val: '-1' },
          { int64Val: '-9223372036854775808' },
        ]);
        assert.deepEqual(valuesOf(stats, 'city'), [{ stringVal: 'Kraków' }, {}, { stringVal: '' }, { stringVal: '' }]);
        assert.deepEqual(valuesOf(rides, 'rating'), [{ doubleVal: 4.25 }, {}, { doubleVal: 4.5 }]);
      });

      /** Feast and Sideboard give the same, column by column. @returns Feast's answers */
      async function assertSameAnswers(requests: readonly FeastRequest[]): Promise<readonly Answer[]> {
        const answers = (await feastSession<string[]>('read', repo.path, requests)).map(answerFromHex);
        for (const [index, request] of requests.entries()) {
          const theirs = answers[index];
          const ours = await client.ask(askFrom(request));
          assert.deepEqual([...differencesFrom(theirs, ours)], [], JSON.stringify({ request, theirs, ours }));
        }
        return answers;
      }
    });
  }
});

/** What `feature_store.yaml` says of the store; nothing where it says so already. */
async function onlineStoreSection(
  store: (typeof stores)[number],
  redisServer: RedisServer | undefined,
): Promise<object | undefined> {
  if (redisServer !== undefined) return { type: 'redis', connection_string: `127.0.0.1:${redisServer.port}` };
  if (store === 'sqlite') return undefined;
  if (store === 'mysql') {
    const server = await sharedMysqlServer();
    await server.createDatabase('interop');
    return { type: 'mysql', ...loopback, port: server.port, user: 'root', password: 'root' };
  }
  if (store === 'postgres') {
    const server = await sharedPostgresServer();
    await server.createDatabase('interop');
    const credentials = { user: 'postgres', password: 'postgres', sslmode: 'disable' };
    return { type: 'postgres', ...loopback, port: server.port, db_schema: 'features', ...credentials };
  }
  return { type: 'dynamodb', region: 'us-east-1', endpoint_url: (await sharedDynamoServer()).url };
}

const loopback = { host: '127.0.0.1', database: 'interop' };

interface PythonCalls {
  readonly answers: readonly string[];
  readonly refusal: { readonly status: string; readonly details: string };
  readonly version: string;
}

function answerFromHex(hex: string): Answer {
  return answerFromResponse(fromBinary(GetOnlineFeaturesResponseSchema, Buffer.from(hex, 'hex')));
}

function askFrom(request: FeastRequest) {
  const columns = Object.entries(request.entities).map(([name, values]) => [
    name,
    values.map((value) => (typeof value === 'number' ? int64(value) : string(value))),
  ]);
  return {
    ...(request.service === undefined ? { features: request.features ?? [] } : { service: request.service }),
    entities: Object.fromEntries(columns),
    fullNames: request.full_feature_names ?? false,
  };
}

function valuesOf(answer: Answer | undefined, name: string) {
  return answer?.columns.find((column) => column.name === name)?.values;
}
