import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { loadSqliteDriver } from '../../src/stores/sqlite/sqlite-driver.ts';
import { runCli } from '../support/cli-run.ts';
import { requireFeast, run } from '../support/feast-session.ts';
import { projectRoot } from '../support/project-root.ts';
import { redisContent } from '../support/redis-content.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { runDuckdb } from '../support/source-project.ts';

const START = '2026-01-01T00:00:00+00:00';
const MIDDLE = '2026-01-05T00:00:00+00:00';
const END = '2026-01-20T00:00:00+00:00';

/** Rows of every type, out of order, several per entity, some outside the interval; no two of an entity with the same times. */
const SOURCES: Readonly<Record<string, string>> = {
  scalars: `
    SELECT (hash(i) % 300)::BIGINT - 100 AS driver_id,
      TIMESTAMPTZ '2025-12-25 00:00:00Z' + INTERVAL (hash(i * 31) % 3000000) SECOND + INTERVAL (i) MICROSECOND AS ts,
      TIMESTAMPTZ '2026-02-01 00:00:00Z' + INTERVAL (i) SECOND AS made,
      CASE WHEN i % 5 = 0 THEN NULL ELSE (hash(i) % 1000000) / 7.0 END AS f64, (i / 3.0)::FLOAT AS f32,
      (hash(i)::HUGEINT - 9223372036854775808)::BIGINT AS i64, ((hash(i) % 4294967296)::BIGINT - 2147483648)::INTEGER AS i32,
      i % 3 = 0 AS flag, CASE WHEN i % 4 = 0 THEN NULL ELSE 'Zürich 🚕 ' || i END AS text,
      encode('bytes ' || i) AS raw, TIMESTAMPTZ '1960-01-01 00:00:00.25Z' + INTERVAL (i) DAY AS seen
    FROM range(1500) AS t(i)`,
  lists: `
    SELECT 'zone ' || (i % 7) AS zone, (i % 30)::BIGINT AS driver_id,
      TIMESTAMP '2026-01-02' + INTERVAL (hash(i) % 1000000) SECOND + INTERVAL (i) MICROSECOND AS ts,
      [i, -i]::BIGINT[] AS numbers, [i / 2, 0.1]::FLOAT[] AS weights, ['a' || i, ''] AS words
    FROM range(400) AS t(i)`,
  mapped: `
    SELECT i::BIGINT AS d, i / 8.0 AS raw_score, TIMESTAMP '2026-01-01' + INTERVAL (i) DAY AS ts FROM range(40) AS t(i)`,
  whole: `SELECT i / 8.0 AS rate, TIMESTAMP '2026-01-01' + INTERVAL (i) DAY AS ts FROM range(40) AS t(i)`,
};

describe('feast materialize and sideboard materialize', function () {
  this.timeout(240_000);
  let folder = '';
  let redis: RedisServer;

  before(async function () {
    await requireFeast(this);
    redis = await startRedisServer();
    folder = mkdtempSync(join(tmpdir(), 'sideboard-loading-'));
  });
  after(async () => {
    await redis?.remove();
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  /** A repo with its sources and definitions. */
  async function repoOn(name: string, onlineStore: object): Promise<string> {
    const repo = join(folder, name);
    mkdirSync(join(repo, 'data'), { recursive: true });
    cpSync(join(projectRoot, 'test/interop/feast/loading_definitions.py'), join(repo, 'definitions.py'));
    const lines = [
      'project: loading',
      'provider: local',
      'registry: data/registry.db',
      `online_store: ${JSON.stringify(onlineStore)}`,
      'entity_key_serialization_version: 3',
    ];
    writeFileSync(join(repo, 'feature_store.yaml'), `${lines.join('\n')}\n`);
    const copies = Object.entries(SOURCES).map(
      ([source, sql]) => `COPY (${sql}) TO '${join(repo, 'data', `${source}.parquet`)}' (FORMAT parquet)`,
    );
    await runDuckdb(...copies);
    return repo;
  }

  async function feast(...args: readonly string[]): Promise<void> {
    const python = join(projectRoot, '.venv', 'feast', 'bin', 'python');
    const script = join(projectRoot, 'test', 'interop', 'feast', 'loading.py');
    const { status, output } = await run(python, [script, ...args]);
    assert.equal(status, 0, output);
  }

  async function sideboard(repo: string, ...args: readonly string[]): Promise<void> {
    const loaded = await runCli([...args, '--repo', repo, '--reject-file', join(repo, 'rejects.jsonl')]);
    assert.equal(loaded.status, 0, loaded.stderr);
  }

  it('leave the same bytes in Redis, and the same intervals in the registry', async () => {
    const repo = await repoOn('redis', { type: 'redis', connection_string: `127.0.0.1:${redis.port}` });
    const registry = join(repo, 'data', 'registry.db');
    await feast(repo, START, MIDDLE, END);
    const expected = await redisContent(redis.client);
    const intervals = intervalsIn(registry);
    await redis.client.flushall();
    cpSync(join(repo, 'data', 'registry.applied'), registry);
    await sideboard(repo, 'materialize', START, MIDDLE);
    await sideboard(repo, 'materialize-incremental', END);
    assert.ok(expected.size > 400, `${expected.size} keys`);
    assert.deepEqual(await redisContent(redis.client), expected);
    assert.deepEqual(intervalsIn(registry), intervals);
  });

  it('leave the same rows in SQLite', async () => {
    const repo = await repoOn('sqlite', { type: 'sqlite', path: 'data/online.db' });
    await feast(repo, START, END);
    const expected = await sqliteContent(join(repo, 'data', 'online.db'));
    cpSync(join(repo, 'data', 'online.applied'), join(repo, 'data', 'online.db'));
    await sideboard(repo, 'materialize', START, END);
    assert.ok(expected.length > 2_000, `${expected.length} rows`);
    assert.deepEqual(await sqliteContent(join(repo, 'data', 'online.db')), expected);
  });
});

/** What a registry says was materialized, by view. */
function intervalsIn(file: string): unknown {
  const { featureViews } = fromBinary(RegistrySchema, readFileSync(file));
  const views = featureViews.map(({ spec, meta }): [string, unknown] => [
    spec?.name ?? '',
    meta?.materializationIntervals.map(({ startTime, endTime }) => [startTime, endTime]),
  ]);
  return new Map(views.sort());
}

/** Every table of Feast's with all that its rows say of values and times. */
async function sqliteContent(file: string): Promise<readonly string[]> {
  const Database = await loadSqliteDriver();
  const database = new Database(file, { readonly: true });
  try {
    const lines: string[] = [];
    const tables = database.prepare(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'loading\\_%' ESCAPE '\\'`,
    );
    for (const { name } of tables.all() as readonly { readonly name: string }[]) {
      const rows = database
        .prepare(
          `SELECT hex(entity_key) || ' ' || feature_name || ' ' || hex(value) || ' ' || coalesce(value_text, '-') || ' ' || event_ts || ' ' || coalesce(created_ts, '-') AS line FROM "${name}"`,
        )
        .all() as readonly { readonly line: string }[];
      for (const { line } of rows) lines.push(`${name} ${line}`);
    }
    return lines.sort();
  } finally {
    database.close();
  }
}
