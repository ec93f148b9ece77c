import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFeatureRepo, type FeatureRepo } from '../support/feature-repo.ts';
import { projectRoot } from '../support/project-root.ts';
import { restoreRedisDump } from '../support/redis-dump.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ServedProject, serveProject } from '../support/serving-project.ts';
import { behCases } from './behaviour/beh-cases.ts';
import { benchCases } from './behaviour/bench-cases.ts';

const fixtures = join(projectRoot, 'test', 'fixtures', 'behaviour');
const projects = { beh: behCases, bench: benchCases };
/** A year after the rows were written: longer than any finite TTL of the projects. */
const NOW = Date.UTC(2026, 10, 21);

describe('the case list of Feast servers', () => {
  it('has a test for every case', () => {
    const listed = readFileSync(join(fixtures, 'cases.txt'), 'utf8').trimEnd().split('\n');
    const tested = Object.entries(projects).flatMap(([project, cases]) =>
      Object.keys(cases).map((name) => `${project}/${name}`),
    );
    assert.deepEqual(tested.sort(), listed.sort());
  });

  for (const store of ['sqlite', 'redis'] as const) {
    describe(`from ${store}`, () => {
      let redisServer: RedisServer | undefined;

      before(async () => {
        redisServer = store === 'redis' ? await startRedisServer() : undefined;
      });
      after(() => redisServer?.remove());

      for (const [project, cases] of Object.entries(projects)) {
        describe(project, () => {
          let repo: FeatureRepo;
          let served: ServedProject;

          before(async () => {
            repo = await layOut(join(fixtures, project), redisServer?.port);
            served = await serveProject(repo.path);
            served.setTime(NOW);
          });
          after(async () => {
            await served.close();
            repo.remove();
          });

          for (const [name, check] of Object.entries(cases)) {
            it(name, () => check(served.client));
          }
        });
      }
    });
  }
});

/** The project in a folder of its own, with its rows in a copy of the SQLite file or in the Redis on that port. */
async function layOut(folder: string, redisPort: number | undefined): Promise<FeatureRepo> {
  const config = join(folder, 'feature_store.yaml');
  const registry = { 'registry.db': join(folder, 'registry.db') };
  if (redisPort === undefined) {
    return createFeatureRepo({ config, files: { ...registry, 'online_store.db': join(folder, 'online_store.db') } });
  }
  await restoreRedisDump(redisPort, join(folder, 'dump.jsonl'));
  return createFeatureRepo({
    config,
    files: registry,
    sections: { online_store: { type: 'redis', connection_string: `127.0.0.1:${redisPort}` } },
  });
}
