import { strict as assert } from 'node:assert';
import { fromBinary } from '@bufbuild/protobuf';
import { GetOnlineFeaturesResponseSchema } from '../../gen/feast/serving/ServingService_pb.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { goldenPath } from '../support/golden.ts';
import {
  answerFromResponse,
  FEATURE_SERVER_METHOD,
  type OnlineFeaturesClient,
  refusalOf,
} from '../support/online-features-client.ts';
import { restoreRedisDump } from '../support/redis-dump.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ServedProject, serveProject } from '../support/serving-project.ts';
import { callName, readCompatibilityTable } from './compatibility/compatibility-table.ts';
import { differencesFrom, type Outcome } from './compatibility/differences.ts';
import { type RecordedCall, recordedCalls, recordedRepos, recordedStores } from './compatibility/recorded-answer.ts';
import { createRecordedRepo, type Mode } from './compatibility/recorded-repo.ts';

const differByDefault = readCompatibilityTable('Answers that differ by default');
const answeredByUsAlone = readCompatibilityTable('Requests that Feast fails and Sideboard answers');
const refusedByBoth = readCompatibilityTable('Requests that both refuse');
const onDemand = readCompatibilityTable('On-demand features');

const everyCall = recordedStores.flatMap((store) => recordedRepos(store).flatMap((repo) => recordedCalls(store, repo)));
const nameOf = (call: RecordedCall) => callName(call.store, call.repo, call.id);

describe('the tables of docs/reference/compatibility.md', () => {
  it('name recorded requests only', () => {
    const recorded = new Set(everyCall.map(nameOf));
    for (const table of [differByDefault, answeredByUsAlone, refusedByBoth, onDemand]) {
      assert.deepEqual(
        [...table.keys()].filter((name) => !recorded.has(name)),
        [],
      );
    }
  });

  it('leave nothing but requests for on-demand features unanswered', () => {
    const left = everyCall.filter((call) => call.id.startsWith('odfv')).map(nameOf);
    assert.deepEqual([...onDemand.keys()].sort(), left.sort());
    assert.equal(left.length, 32);
  });

  it('call refused by both what Feast refused', () => {
    const answered = everyCall.filter((call) => call.answer !== undefined).map(nameOf);
    assert.deepEqual(
      answered.filter((name) => refusedByBoth.has(name) || answeredByUsAlone.has(name)),
      [],
    );
  });
});

describe("Feast's recorded answers", () => {
  let redisServer: RedisServer;

  before(async () => {
    redisServer = await startRedisServer();
    for (const repo of recordedRepos('redis')) {
      await restoreRedisDump(redisServer.port, goldenPath('redis', repo, 'dump.jsonl'));
    }
  });
  after(() => redisServer.remove());

  for (const mode of ['feast-python', 'default'] as const) {
    for (const store of recordedStores) {
      for (const repo of recordedRepos(store)) {
        describe(`${mode === 'default' ? 'by default' : 'with compatibility: feast-python'}, ${repo} on ${store}`, () => {
          let folder: FeatureRepo;
          let served: ServedProject;

          before(async () => {
            folder = createRecordedRepo(store, repo, mode, redisServer.port);
            served = await serveProject(folder.path);
          });
          after(async () => {
            await served.close();
            folder.remove();
          });

          for (const call of recordedCalls(store, repo)) {
            it(`${call.id}: ${call.note}`, async () => {
              served.setTime(call.at);
              assertAsDocumented(call, mode, await outcomeOf(served.client, call.request));
            });
          }
        });
      }
    }
  }
});

async function outcomeOf(client: OnlineFeaturesClient, request: Uint8Array): Promise<Outcome> {
  let reply: Buffer;
  const call = client.call(FEATURE_SERVER_METHOD, request);
  try {
    reply = await call;
  } catch {
    return refusalOf(call);
  }
  return answerFromResponse(fromBinary(GetOnlineFeaturesResponseSchema, reply));
}

/** The outcome is what Feast recorded, but for what the tables say of this request. */
function assertAsDocumented(call: RecordedCall, mode: Mode, outcome: Outcome): void {
  const name = nameOf(call);
  const error = 'code' in outcome ? `${outcome.code} (${outcome.status})` : undefined;
  if (onDemand.has(name)) {
    assert.deepEqual([error], [...(onDemand.get(name) ?? [])]);
    return;
  }
  const expected = [
    ...(answeredByUsAlone.get(name) ?? []),
    ...(mode === 'default' ? (differByDefault.get(name) ?? []) : []),
  ];
  assert.deepEqual([...differencesFrom(call.answer, outcome)].sort(), expected.sort(), error);
  if (!('code' in outcome)) assertColumnOrder(call, outcome.columns);
  else if (call.answer === undefined) {
    assert.ok(refusedByBoth.get(name)?.has(error ?? ''), `${error} is not what the documentation says`);
  }
}

/** Entity columns as sent, then the features in the order asked for. Every row has a value, a status and a time. */
function assertColumnOrder(call: RecordedCall, columns: Exclude<Outcome, { code: string }>['columns']): void {
  const sent = call.columns.filter((name) => name !== '__dummy_id');
  assert.deepEqual(
    columns.slice(0, sent.length).map((column) => column.name),
    sent,
  );
  if (call.features.length > 0) {
    const features = columns.slice(sent.length).map((column) => column.name.replace(/^.*__/, ''));
    assert.deepEqual(features, call.features);
  }
  for (const { name, values, statuses, times } of columns) {
    assert.deepEqual([statuses.length, times.length], [values.length, values.length], name);
  }
}
