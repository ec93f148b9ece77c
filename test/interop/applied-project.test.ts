import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../support/cli-run.ts';
import { createDefinitionsRepo, type DefinitionsRepo, interopDefinitions } from '../support/definitions-repo.ts';
import { type FeastRequest, requireFeast, run } from '../support/feast-session.ts';
import { projectRoot } from '../support/project-root.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';

const folder = join(projectRoot, 'test', 'interop', 'feast');

interface Said {
  readonly views: string;
  readonly entities: string;
  readonly services: string;
  readonly answers: readonly Readonly<Record<string, readonly unknown[]>>[];
  readonly plan: string;
  readonly apply?: string;
}

const requests: readonly FeastRequest[] = [
  { features: ['driver_stats:trips', 'driver_stats:city'], entities: { driver_id: [2001, 2002, 4711] } },
  { service: 'ranking', entities: { driver_id: [2001], customer_id: ['c,1'] } },
];

describe('a project that Sideboard applied, for real Feast', function () {
  this.timeout(300_000);

  before(async function () {
    await requireFeast(this);
  });

  for (const store of ['sqlite', 'redis'] as const) {
    describe(`with its online store in ${store}`, () => {
      let redis: RedisServer | undefined;
      let repo: DefinitionsRepo;
      let said: Said;

      before(async () => {
        redis = store === 'redis' ? await startRedisServer() : undefined;
        const sections = redis && { online_store: { type: 'redis', connection_string: `127.0.0.1:${redis.port}` } };
        repo = createDefinitionsRepo(interopDefinitions, sections);
        cpSync(join(folder, 'definitions.py'), join(repo.path, 'definitions.py'));
        await succeed('apply');
        await succeed('write', 'driver_stats', join(folder, 'rows.jsonl'));
        await succeed('write', 'ride_stats', join(folder, 'rides.csv'));
        said = await askFeast(store === 'sqlite' ? ['--apply'] : []);
      });
      after(async () => {
        repo?.remove();
        await redis?.remove();
      });

      it('lists views, entities and services', () => {
        assert.match(said.views, /^driver_stats +\{'driver'\} +FeatureView/m);
        assert.match(said.views, /^ride_stats +\{'(?:driver', 'customer|customer', 'driver)'\} +FeatureView/m);
        assert.match(said.entities, /^driver +ValueType\.INT64/m);
        assert.match(said.entities, /^customer +ValueType\.STRING/m);
        assert.match(said.services, /^ranking +driver_stats:conv_rate.*/m);
      });

      it('answers with the rows that Sideboard wrote', () => {
        const [stats, ranking] = said.answers;
        assert.deepEqual(stats?.driver_id, [2001, 2002, 4711]);
        assert.deepEqual(stats?.city, ['Kraków', null, null]);
        assert.deepEqual(ranking?.rating, [4.25]);
        assert.deepEqual(ranking?.city, ['Kraków']);
      });

      it('has nothing that the same definitions in Python would change', () => {
        assert.match(said.plan, /No changes to registry/);
        assert.match(said.plan, /No changes to infrastructure/);
      });

      if (store === 'sqlite') {
        it('still has nothing for Sideboard to change after Feast has applied them', async () => {
          assert.match(said.apply ?? '', /No changes to registry/);
          assert.match(said.apply ?? '', /No changes to infrastructure/);
          const before = readFileSync(repo.registryPath);
          assert.match(await succeed('apply'), /^Nothing to change/);
          assert.deepEqual(readFileSync(repo.registryPath), before);
        });
      }

      async function succeed(...args: readonly string[]): Promise<string> {
        const { status, stdout, stderr } = await runCli([...args, '--repo', repo.path]);
        assert.equal(status, 0, stderr);
        return stdout;
      }

      async function askFeast(options: readonly string[]): Promise<Said> {
        const python = join(projectRoot, '.venv', 'feast', 'bin', 'python');
        const args = [join(folder, 'applied.py'), repo.path, ...options];
        const { status, stdout, output } = await run(python, args, JSON.stringify(requests));
        assert.equal(status, 0, output);
        return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Said;
      }
    });
  }

  it('is what Feast itself would have applied: a plan for its registry is empty', async () => {
    const repo = createDefinitionsRepo(interopDefinitions);
    try {
      cpSync(join(folder, 'definitions.py'), join(repo.path, 'definitions.py'));
      const feast = join(projectRoot, '.venv', 'feast', 'bin', 'feast');
      const { status, output } = await run(feast, ['-c', repo.path, 'apply', '--skip-source-validation']);
      assert.equal(status, 0, output);
      const before = readFileSync(repo.registryPath);
      const plan = await runCli(['apply', '--dry-run', '--detailed-exitcode', '--repo', repo.path]);
      assert.match(plan.stdout, /^Nothing to change/, plan.stdout + plan.stderr);
      assert.equal(plan.status, 0);
      assert.equal((await runCli(['apply', '--repo', repo.path])).status, 0);
      assert.deepEqual(readFileSync(repo.registryPath), before);
    } finally {
      repo.remove();
    }
  });
});
