import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDefinitionsRepo, type DefinitionsRepo } from '../support/definitions-repo.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { collect, type Finished, runSideboard, startProgram } from '../support/sideboard-process.ts';
import { type GenerationReader, openGenerations, writeGenerations } from './generations.ts';
import { redisDigest, sqliteDigest } from './store-digests.ts';

/** `npm run test:kills`: many minutes of killing, for which the tests have no time. KILLS and SEED choose others. */
const KILLS = Number(process.env.KILLS ?? 25);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const ENTITIES = Number(process.env.ENTITIES ?? 40_000);
/** The two generations of the view that the source has: one row of each entity in each. */
const FIRST = ['2026-01-01T00:00:00Z', '2026-01-01T23:59:59Z'] as const;
const SECOND = ['2026-01-02T00:00:00Z', '2026-01-02T23:59:59Z'] as const;

describe(`sideboard materialize killed at ${KILLS} random moments (SEED=${SEED})`, function () {
  this.timeout(3_600_000);
  const random = createSeededRandom(SEED);

  const materialize = (repo: DefinitionsRepo, [start, end]: readonly [string, string]): Promise<Finished> =>
    runSideboard('--repo', repo.path, 'materialize', start, end);

  const complete = async (repo: DefinitionsRepo, interval: readonly [string, string]): Promise<Took> => {
    const began = performance.now();
    const run = materialize(repo, interval);
    let running = true;
    const finished = run.finally(() => {
      running = false;
    });
    while (running && !isStaged(repo)) await sleep(1);
    const staged = performance.now();
    const { status, stderr } = await finished;
    assert.equal(status, 0, stderr);
    const ended = performance.now();
    return { wholeMs: ended - began, writingMs: ended - staged };
  };

  /**
   * Kills a run at a moment of its whole time, or of the time behind the staging of its rows, in which it writes.
   * @returns whether it was still running
   */
  const killedRun = async (repo: DefinitionsRepo, { whileWriting, share }: Moment, took: Took): Promise<boolean> => {
    const child = startProgram(['--repo', repo.path, 'materialize', ...SECOND]);
    const output = collect(child);
    const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    let ended = false;
    const end = closed.then(() => {
      ended = true;
    });
    // What it does takes longer on a busy machine: the writing is waited for, and not guessed.
    while (whileWriting && !ended && !isStaged(repo)) await sleep(1);
    await Promise.race([sleep(share * (whileWriting ? took.writingMs : took.wholeMs)), end]);
    child.kill('SIGKILL');
    const [status, signal] = await closed;
    if (signal === null) assert.equal(status, 0, output.stderr());
    return signal === 'SIGKILL';
  };

  /** Every second one while rows are written, the others at any time. */
  const moments = (): Moment[] =>
    Array.from({ length: KILLS }, (_, kill) => ({ whileWriting: kill % 2 === 1, share: random(1000) / 1000 }));

  const report = (store: string, killed: number, { wholeMs, writingMs }: Took, more: string): void => {
    process.stdout.write(
      `${store}: ${KILLS} runs of about ${Math.round(wholeMs)} ms, ${Math.round(writingMs)} ms of it writing, ${killed} killed ` +
        `before their end${more}; SEED=${SEED}\n`,
    );
  };

  it('leaves in Redis, once it is run again, what a run leaves that nobody killed', async () => {
    const redis: RedisServer = await startRedisServer();
    const repo = await createRepo({ type: 'redis', connection_string: `127.0.0.1:${redis.port}` });
    try {
      await complete(repo, FIRST);
      const took = await complete(repo, SECOND);
      const reference = await redisDigest(redis.client);
      let killed = 0;
      let partial = 0;
      for (const [kill, moment] of moments().entries()) {
        await redis.client.flushall();
        await complete(repo, FIRST);
        const before = await redisDigest(redis.client);
        if (await killedRun(repo, moment, took)) killed++;
        const left = await redisDigest(redis.client);
        if (left !== before && left !== reference) partial++;
        await complete(repo, SECOND);
        assert.equal(await redisDigest(redis.client), reference, `kill ${kill} at ${JSON.stringify(moment)}`);
      }
      report('Redis', killed, took, `, ${partial} of them with part of the rows written`);
      assert.ok(killed >= KILLS / 2, 'most runs were over before they were killed');
    } finally {
      await redis.remove();
      repo.remove();
    }
  });

  it('shows in SQLite the old rows or the new ones, and never some of each', async () => {
    const repo = await createRepo({ type: 'sqlite', path: 'online_store.db' });
    const file = join(repo.path, 'online_store.db');
    const saved = join(repo.path, 'saved.db');
    try {
      await complete(repo, FIRST);
      // Opened and closed by its last user, the file is whole without its log.
      (await openGenerations(file)).close();
      copyFileSync(file, saved);
      const took = await complete(repo, SECOND);
      const reference = await sqliteDigest(file);
      let killed = 0;
      let reads = 0;
      let sawOld = 0;
      for (const [kill, moment] of moments().entries()) {
        for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
        copyFileSync(saved, file);
        const reader = await openGenerations(file);
        const watch = watchGenerations(reader);
        if (await killedRun(repo, moment, took)) killed++;
        const afterKill = reader.generations();
        assert.deepEqual(
          afterKill.length,
          1,
          `kill ${kill} at ${JSON.stringify(moment)} left generations ${afterKill}`,
        );
        if (afterKill[0] === 1) sawOld++;
        await complete(repo, SECOND);
        reads += await watch.stop();
        reader.close();
        assert.equal(await sqliteDigest(file), reference, `kill ${kill} at ${JSON.stringify(moment)}`);
      }
      report('SQLite', killed, took, `, ${sawOld} with the old rows left; ${reads} reads of the whole view`);
      assert.ok(killed >= KILLS / 2, 'most runs were over before they were killed');
    } finally {
      repo.remove();
    }
  });
});

/** How long a run took, from its start and from when it had staged its rows. */
interface Took {
  readonly wholeMs: number;
  readonly writingMs: number;
}

interface Moment {
  readonly whileWriting: boolean;
  /** Of the time. */
  readonly share: number;
}

/** Whether a run has staged all its rows: then its journal is there, until the run is complete. */
function isStaged(repo: DefinitionsRepo): boolean {
  const folder = join(repo.path, '.sideboard', 'materialize');
  if (!existsSync(folder)) return false;
  return readdirSync(folder).some((view) => existsSync(join(folder, view, 'journal.json')));
}

/** Reads the whole view again and again. `stop` fails where a read saw more than one generation. */
function watchGenerations(reader: GenerationReader): { stop(): Promise<number> } {
  let reads = 0;
  let running = true;
  const seen = new Set<string>();
  const done = (async () => {
    while (running) {
      seen.add(reader.generations().join(' and '));
      reads++;
      await sleep(20);
    }
  })();
  return {
    async stop() {
      running = false;
      await done;
      for (const generations of seen) assert.ok(['1', '2'].includes(generations), `a read saw ${generations}`);
      return reads;
    },
  };
}

async function createRepo(onlineStore: Readonly<Record<string, unknown>>): Promise<DefinitionsRepo> {
  const repo = createDefinitionsRepo(
    {
      entities: [{ name: 'rider', join_key: 'rider_id', value_type: 'Int64' }],
      sources: [{ name: 'rides_file', type: 'file', path: 'data/rides.parquet', timestamp_field: 'event_timestamp' }],
      feature_views: [
        {
          name: 'rides',
          entities: ['rider'],
          source: 'rides_file',
          schema: [
            { name: 'generation', dtype: 'Int64' },
            { name: 'fare', dtype: 'Float64' },
            { name: 'city', dtype: 'String' },
            { name: 'active', dtype: 'Bool' },
          ],
        },
      ],
    },
    { project: 'kills', online_store: onlineStore },
  );
  mkdirSync(join(repo.path, 'data'), { recursive: true });
  await writeGenerations(join(repo.path, 'data', 'rides.parquet'), ENTITIES);
  const { status, stderr } = await runSideboard('--repo', repo.path, 'apply');
  assert.equal(status, 0, stderr);
  assert.ok(existsSync(repo.registryPath));
  return repo;
}
