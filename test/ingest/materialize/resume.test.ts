import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ValueType_Enum as Type } from '../../../gen/feast/types/Value_pb.ts';
import { type CliRun, runCli } from '../../support/cli-run.ts';
import { redisContent } from '../../support/redis-content.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { collect, startProgram } from '../../support/sideboard-process.ts';
import {
  createSourceProject,
  type SourceProject,
  SQLITE_STORE,
  storedInSqlite,
  writeSource,
} from '../../support/source-project.ts';

const BOUNDS = ['2026-01-01', '2026-02-01'] as const;
const ENTITIES = 3_000;
const KILLS = 10;

const SELECT = `
  SELECT (i % ${ENTITIES})::BIGINT AS id, TIMESTAMP '2026-01-10' + INTERVAL (i) SECOND AS ts,
    i::BIGINT AS x, 'text ' || i AS text
  FROM range(${ENTITIES * 2}) AS t(i)`;

describe('a load that is ended', function () {
  this.timeout(180_000);
  let redis: RedisServer;
  const projects: SourceProject[] = [];

  before(async () => {
    redis = await startRedisServer();
  });
  afterEach(async () => {
    for (const project of projects.splice(0)) project.remove();
    await redis.client.flushall();
  });
  after(() => redis?.remove());

  async function projectOn(store: object): Promise<SourceProject> {
    const view = { features: { x: Type.INT64, text: Type.STRING }, uri: 'data/rows.parquet' };
    const project = createSourceProject(store, [view]);
    projects.push(project);
    await writeSource(join(project.path, 'data', 'rows.parquet'), SELECT);
    return project;
  }
  const onRedis = (): object => ({ type: 'redis', connection_string: `127.0.0.1:${redis.port}` });

  const argsOf = (project: SourceProject, ...more: readonly string[]): string[] => [
    'materialize',
    ...BOUNDS,
    '--repo',
    project.path,
    '--batch-size',
    '20',
    ...more,
  ];
  const load = (project: SourceProject, ...more: readonly string[]): Promise<CliRun> =>
    runCli(argsOf(project, ...more));

  function intervalsOf(project: SourceProject): number {
    return project.registry().featureViews[0]?.meta?.materializationIntervals.length ?? 0;
  }

  function journalOf(project: SourceProject): { readonly stored: number } | undefined {
    const root = join(project.path, '.sideboard', 'materialize');
    const [folder] = existsSync(root) ? readdirSync(root) : [];
    const file = join(root, folder ?? '', 'journal.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { stored: number }) : undefined;
  }

  /** A load of a process of its own, ended by a signal once `until` holds. @returns its exit status */
  async function endedLoad(project: SourceProject, signal: NodeJS.Signals, until: () => boolean | Promise<boolean>) {
    const child = startProgram(argsOf(project));
    const closed = once(child, 'close') as Promise<[number | null]>;
    let over = false;
    void closed.then(() => {
      over = true;
    });
    let output = '';
    child.stdout?.on('data', (text) => {
      output += String(text);
    });
    while (!over && !(await until())) await sleep(2);
    child.kill(signal);
    const [status] = await closed;
    return { status, output };
  }

  it('is the same store after it is begun again, whenever it was killed', async () => {
    const reference = await projectOn(onRedis());
    assert.equal((await load(reference)).status, 0);
    const expected = await redisContent(redis.client);
    assert.equal(expected.size, ENTITIES);
    const random = createSeededRandom(11);
    for (let kill = 0; kill < KILLS; kill++) {
      await redis.client.flushall();
      const project = await projectOn(onRedis());
      // From before the first row is there until nearly all are.
      const rows = random(ENTITIES * 1.1) - ENTITIES * 0.1;
      await endedLoad(project, 'SIGKILL', async () => rows < 0 || (await redis.client.dbsize()) > rows);
      const run = await load(project);
      assert.equal(run.status, 0, run.stderr);
      assert.deepEqual(await redisContent(redis.client), expected, `killed at ${rows} rows`);
      assert.equal(intervalsOf(project), run.stdout.includes('rows read') ? 1 : 2);
      project.remove();
    }
  });

  it('goes on behind the rows that it had stored, after a signal too', async () => {
    const project = await projectOn(onRedis());
    const { status, output } = await endedLoad(project, 'SIGTERM', async () => (await redis.client.dbsize()) > 100);
    assert.equal(status, 143);
    assert.match(output, /^stats: .* written, 0 rejected, interrupted: the same command goes on from here/m);
    assert.equal(intervalsOf(project), 0);
    const stored = journalOf(project)?.stored ?? 0;
    assert.ok(stored > 100 && stored < ENTITIES, `${stored}`);
    const run = await load(project);
    assert.equal(run.status, 0, run.stderr);
    assert.ok(run.stdout.includes(`${ENTITIES} written (${stored} of them by an earlier run)`), run.stdout);
    assert.equal(await redis.client.dbsize(), ENTITIES);
    assert.equal(intervalsOf(project), 1);
    assert.deepEqual(readdirSync(join(project.path, '.sideboard', 'materialize')), []);
  });

  it('says how many rows it had read when a signal came', async () => {
    const view = { features: { x: Type.INT64 }, uri: 'data/rows.jsonl' };
    const project = createSourceProject(onRedis(), [view]);
    projects.push(project);
    const rows = Array.from({ length: 300_000 }, (_, id) => `{"id": ${id}, "x": 1, "ts": "2026-01-10T00:00:00Z"}`);
    writeFileSync(join(project.path, 'data', 'rows.jsonl'), rows.join('\n'));
    const child = startProgram(argsOf(project, '--progress-interval', '1'));
    const output = collect(child);
    const closed = once(child, 'close') as Promise<[number | null]>;
    let isOver = false;
    void closed.then(() => {
      isOver = true;
    });
    while (!isOver && !/[1-9]\d* rows read/.test(output.stderr())) await sleep(10);
    child.kill('SIGTERM');
    const [status] = await closed;
    assert.equal(status, 143, output.stderr());
    assert.match(output.stdout(), /^stats: [1-9]\d* rows read, 0 latest, 0 written, 0 rejected, interrupted/m);
  });

  it('begins anew where the store has lost what it had, or where the source has changed', async () => {
    for (const change of ['store', 'source'] as const) {
      const project = await projectOn(onRedis());
      await endedLoad(project, 'SIGTERM', async () => (await redis.client.dbsize()) > 100);
      if (change === 'store') await redis.client.flushall();
      else await writeSource(join(project.path, 'data', 'rows.parquet'), SELECT.replace("'text '", "'other '"));
      const run = await load(project);
      assert.equal(run.status, 0, run.stderr);
      assert.doesNotMatch(run.stdout, /earlier run/);
      assert.equal(await redis.client.dbsize(), ENTITIES);
      await redis.client.flushall();
    }
  });

  it('is all there or not there at all in a store that can do so', async () => {
    const project = await projectOn(SQLITE_STORE);
    assert.equal((await runCli(['apply', '--repo', project.path, '--yes'])).status, 0);
    const file = join(project.path, 'data', 'online.db');
    let sizes = new Set<number>();
    await endedLoad(project, 'SIGKILL', async () => {
      if (existsSync(file)) sizes = sizes.add((await storedInSqlite(project)).length);
      return (journalOf(project) !== undefined && sizes.size > 0) || sizes.has(ENTITIES);
    });
    for (const size of sizes) assert.ok(size === 0 || size === ENTITIES, `${size} rows could be seen`);
    const run = await load(project);
    assert.equal(run.status, 0, run.stderr);
    const stored = await storedInSqlite(project);
    assert.equal(stored.length, ENTITIES);
    for (const { key, values } of stored) assert.equal(values.x, BigInt(Number(key) + ENTITIES));
  });

  it('keeps a second one of the same view out while it runs, and no longer', async () => {
    const project = await projectOn(onRedis());
    const child = startProgram(argsOf(project));
    const closed = once(child, 'close');
    const lock = (): boolean => {
      const root = join(project.path, '.sideboard', 'materialize');
      return (
        existsSync(root) && readdirSync(root, { recursive: true }).some((name) => String(name).endsWith('run.lock'))
      );
    };
    while (!lock()) await sleep(2);
    child.kill('SIGSTOP');
    try {
      const run = await load(project);
      assert.equal(run.status, 6);
      assert.match(run.stderr, /error MATERIALIZE_LOCKED: Another run loads view "stats"/);
    } finally {
      child.kill('SIGKILL');
      await closed;
    }
    assert.equal((await load(project)).status, 0);
    assert.equal(await redis.client.dbsize(), ENTITIES);
  });

  it('does not leave a trace where the state folder cannot be written', async () => {
    const project = await projectOn(onRedis());
    rmSync(join(project.path, '.sideboard'), { recursive: true, force: true });
    const run = await load(project, '--state-dir', join(project.path, 'feature_store.yaml'));
    assert.equal(run.status, 1);
    assert.match(run.stderr, /error MATERIALIZE_FAILED: The state folder .* cannot be written/);
    assert.equal(await redis.client.dbsize(), 0);
  });
});
