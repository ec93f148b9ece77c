import { strict as assert } from 'node:assert';
import { fromBinary } from '@bufbuild/protobuf';
import { GetOnlineFeaturesResponseSchema } from '../../gen/feast/serving/ServingService_pb.ts';
import { freshAccessKey, setAwsEnvironment } from '../support/aws-environment.ts';
import { type JsonItem, RawDynamo } from '../support/dynamodb-items.ts';
import { sharedDynamoServer } from '../support/dynamodb-server.ts';
import { createFeatureRepo, type FeatureRepo } from '../support/feature-repo.ts';
import { goldenPath, readGoldenJson, readGoldenLines } from '../support/golden.ts';
import { answerFromResponse, FEATURE_SERVER_METHOD, refusalOf } from '../support/online-features-client.ts';
import { type ServedProject, serveProject } from '../support/serving-project.ts';
import { callName, readCompatibilityTable } from './compatibility/compatibility-table.ts';
import { differencesFrom, type Outcome } from './compatibility/differences.ts';
import { recordedCalls, recordedRepos } from './compatibility/recorded-answer.ts';

const answeredByUsAlone = readCompatibilityTable('Requests that Feast fails and Sideboard answers');
const onDemand = readCompatibilityTable('On-demand features');

/** Requests on which Feast fails over this store alone: the items hold none of the features asked for, or the service's key. */
const failsOnDynamo = new Set(['evolve: added', 'extras: stored-input', 'extras: stored-service']);

describe("Feast's recorded answers from DynamoDB, with compatibility: feast-python", () => {
  let restore = (): void => {};

  before(async function () {
    this.timeout(60_000);
    await sharedDynamoServer();
    restore = setAwsEnvironment(freshAccessKey());
  });

  after(() => restore());

  for (const repo of recordedRepos('dynamodb')) {
    describe(repo, () => {
      let folder: FeatureRepo;
      let served: ServedProject;

      before(async () => {
        const { url } = await sharedDynamoServer();
        await restoreItems(url, repo);
        folder = createFeatureRepo({
          config: goldenPath('dynamodb', repo, 'repo', 'feature_store.yaml'),
          files: { 'data/registry.db': goldenPath('dynamodb', repo, 'repo', 'data', 'registry.db') },
          sections: {
            online_store: { type: 'dynamodb', region: 'us-east-1', endpoint_url: url },
            sideboard: { serving: { compatibility: 'feast-python' } },
          },
        });
        served = await serveProject(folder.path);
      });

      after(async () => {
        await served?.close();
        folder?.remove();
      });

      for (const call of recordedCalls('dynamodb', repo)) {
        // What is said of SQLite holds here as well: Feast's classes for the two report alike.
        const name = callName('sqlite', repo, call.id);
        if (onDemand.has(name)) continue;
        it(`${call.id}: ${call.note}`, async () => {
          served.setTime(call.at);
          const outcome = await outcomeOf(served, call.request);
          const expected = failsOnDynamo.has(`${repo}: ${call.id}`)
            ? ['error → answer']
            : [...(answeredByUsAlone.get(name) ?? [])];
          assert.deepEqual([...differencesFrom(call.answer, outcome)], expected, JSON.stringify(outcome));
        });
      }
    });
  }
});

async function outcomeOf(served: ServedProject, request: Uint8Array): Promise<Outcome> {
  const call = served.client.call(FEATURE_SERVER_METHOD, request);
  try {
    return answerFromResponse(fromBinary(GetOnlineFeaturesResponseSchema, await call));
  } catch {
    return refusalOf(call);
  }
}

/** Puts the recorded items, and makes the tables, that Feast had. */
async function restoreItems(url: string, repo: string): Promise<void> {
  const raw = await RawDynamo.open(url);
  const tables = readGoldenJson<readonly { readonly TableName: string }[]>('dynamodb', repo, 'tables.json');
  for (const { TableName } of tables) await raw.createTable(TableName);
  for (const line of readGoldenLines<{ table: string; item: JsonItem }>('dynamodb', repo, 'items.jsonl')) {
    await raw.put(line.table, line.item);
  }
  raw.close();
}
