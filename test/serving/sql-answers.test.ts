import { strict as assert } from 'node:assert';
import { fromBinary } from '@bufbuild/protobuf';
import { GetOnlineFeaturesResponseSchema } from '../../gen/feast/serving/ServingService_pb.ts';
import { createFeatureRepo, type FeatureRepo } from '../support/feature-repo.ts';
import { goldenPath } from '../support/golden.ts';
import { sharedMysqlServer } from '../support/mysql-server.ts';
import { answerFromResponse, FEATURE_SERVER_METHOD, refusalOf } from '../support/online-features-client.ts';
import { sharedPostgresServer } from '../support/postgres-server.ts';
import { type ServedProject, serveProject } from '../support/serving-project.ts';
import { restoreMysqlRepo, restorePostgresRepo } from '../support/sql-golden.ts';
import { callName, readCompatibilityTable } from './compatibility/compatibility-table.ts';
import { differencesFrom, type Outcome } from './compatibility/differences.ts';
import { recordedCalls, recordedRepos } from './compatibility/recorded-answer.ts';

const answeredByUsAlone = readCompatibilityTable('Requests that Feast fails and Sideboard answers');
const onDemand = readCompatibilityTable('On-demand features');

for (const store of ['mysql', 'postgres'] as const) {
  describe(`Feast's recorded answers from ${store}, with compatibility: feast-python`, function () {
    this.timeout(60_000);

    for (const repo of recordedRepos(store)) {
      describe(repo, () => {
        let folder: FeatureRepo;
        let served: ServedProject;

        before(async () => {
          const database = `answers_${repo}`;
          folder = createFeatureRepo({
            config: goldenPath(store, repo, 'repo', 'feature_store.yaml'),
            files: { 'data/registry.db': goldenPath(store, repo, 'repo', 'data', 'registry.db') },
            sections: {
              online_store: await restore(store, database, repo),
              sideboard: { serving: { compatibility: 'feast-python' } },
            },
          });
          served = await serveProject(folder.path);
        });

        after(async () => {
          await served?.close();
          folder?.remove();
        });

        for (const call of recordedCalls(store, repo)) {
          // What is said of SQLite holds here as well: Feast's classes for the three report alike.
          const name = callName('sqlite', repo, call.id);
          if (onDemand.has(name)) continue;
          it(`${call.id}: ${call.note}`, async () => {
            served.setTime(call.at);
            const outcome = await outcomeOf(served, call.request);
            const expected = [...(answeredByUsAlone.get(name) ?? [])];
            assert.deepEqual([...differencesFrom(call.answer, outcome)], expected, JSON.stringify(outcome));
          });
        }
      });
    }
  });
}

/** @returns the `online_store` section */
async function restore(store: 'mysql' | 'postgres', database: string, repo: string): Promise<object> {
  if (store === 'mysql') {
    const server = await sharedMysqlServer();
    await restoreMysqlRepo(server, database, repo);
    return { type: 'mysql', port: server.port, user: 'root', password: 'root', database };
  }
  const server = await sharedPostgresServer();
  await restorePostgresRepo(server, database, repo);
  const credentials = { user: 'postgres', password: 'postgres', sslmode: 'disable' };
  return { type: 'postgres', host: '127.0.0.1', port: server.port, database, ...credentials };
}

async function outcomeOf(served: ServedProject, request: Uint8Array): Promise<Outcome> {
  const call = served.client.call(FEATURE_SERVER_METHOD, request);
  try {
    return answerFromResponse(fromBinary(GetOnlineFeaturesResponseSchema, await call));
  } catch {
    return refusalOf(call);
  }
}
