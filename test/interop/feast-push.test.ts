import assert from 'node:assert/strict';
import { join } from 'node:path';
import { requireFeast, run } from '../support/feast-session.ts';
import { createFeatureRepo } from '../support/feature-repo.ts';
import { projectRoot } from '../support/project-root.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { startSideboard } from '../support/sideboard-process.ts';

const folder = join(projectRoot, 'test', 'interop', 'feast');

interface PushSession {
  /** What Feast reads behind each push. */
  readonly answers: readonly unknown[];
  readonly refusals: readonly string[];
}

const first = {
  driver_id: 7,
  customer_id: 'c ü',
  trips: 2 ** 53,
  rank: -3,
  rate: 0.5,
  acc: 0.1,
  active: true,
  city: 'Zürich',
  last_seen: 1_767_225_600,
  tags: ['a', '', 'ü'],
  fare: 12.5,
};
const second = {
  ...first,
  trips: -(2 ** 63),
  rank: 4,
  rate: 0.25,
  acc: 1e-300,
  active: false,
  city: '',
  last_seen: 1_767_225_601,
  tags: ['x'],
  fare: 13,
};

describe('pushes by the stubs of the feast package', function () {
  this.timeout(300_000);

  before(async function () {
    await requireFeast(this);
  });

  // Workers take connections in processes of their own; the channel's pushes all go to one of them.
  for (const [store, ...serveArgs] of [['sqlite'], ['redis', '--workers', '2']] as const) {
    it(`into ${store} are read by Feast itself, the newest ones`, async () => {
      const redis = store === 'redis' ? await startRedisServer() : undefined;
      const repo = createFeatureRepo({
        config: join(folder, 'feature_store.yaml'),
        files: { 'definitions.py': join(folder, 'push_definitions.py') },
        sections:
          redis === undefined ? {} : { online_store: { type: 'redis', connection_string: `127.0.0.1:${redis.port}` } },
      });
      try {
        assert.deepEqual(await feastPush('apply', repo.path), { applied: ['driver_now', 'pair_now'] });
        const serving = await startSideboard(repo.path, ...serveArgs);
        try {
          const { answers, refusals } = (await feastPush('push', repo.path, serving.address)) as PushSession;
          assert.deepEqual(answers, [first, second, second, second]);
          assert.deepEqual(refusals, ['NOT_FOUND', 'UNIMPLEMENTED', 'INVALID_ARGUMENT']);
        } finally {
          await serving.stop();
        }
      } finally {
        repo.remove();
        await redis?.remove();
      }
    });
  }
});

async function feastPush(...args: readonly string[]): Promise<unknown> {
  const python = join(projectRoot, '.venv', 'feast', 'bin', 'python');
  const { status, stdout, output } = await run(python, [join(folder, 'push.py'), ...args]);
  if (status !== 0) throw new Error(`push.py ${args[0]} failed with status ${status}:\n${output}`);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}
