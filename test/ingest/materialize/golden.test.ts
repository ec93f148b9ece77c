import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { loadSqliteDriver } from '../../../src/stores/sqlite/sqlite-driver.ts';
import { runCli } from '../../support/cli-run.ts';
import type { FeatureRepo } from '../../support/feature-repo.ts';
import { readGoldenLines } from '../../support/golden.ts';
import type { DumpedHash, RecordedRow } from '../../support/golden-stores.ts';
import { createSourceRepo } from '../../support/materialize-repo.ts';
import { redisContent } from '../../support/redis-content.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';

interface LoadStep {
  readonly step: string;
  readonly args: readonly unknown[];
}

/** Recorded runs of `feast materialize` that nothing but the registry and the source files went into. */
const REPOS = ['composite', 'multiview', 'simple', 'ttl', 'extras'] as const;

/** Where Feast is wrong (docs/guide/materialize.md): `view:feature`, and the value that it stored, to the right one. */
const RIGHT: Readonly<Record<string, string>> = {
  // A null time, which Feast stores as the smallest number there is.
  'driver_hourly_stats:last_seen 4080808080808080808001': '',
  // An int64 that went through a float64, because its column has nulls.
  'driver_hourly_stats:avg_daily_trips 208080808080808010': '208180808080808010',
};

describe('materialize, against what Feast stored of the same files', function () {
  this.timeout(60_000);
  let redis: RedisServer;
  const repos: FeatureRepo[] = [];

  before(async () => {
    redis = await startRedisServer();
  });
  afterEach(async () => {
    for (const repo of repos.splice(0)) repo.remove();
    await redis.client.flushall();
  });
  after(() => redis?.remove());

  const repoOf = (name: string, store: Readonly<Record<string, unknown>>): FeatureRepo => {
    const repo = createSourceRepo(name, store);
    repos.push(repo);
    return repo;
  };

  for (const name of REPOS) {
    it(`leaves the same bytes in Redis for "${name}"`, async () => {
      const repo = repoOf(name, { type: 'redis', connection_string: `127.0.0.1:${redis.port}` });
      const views = await replay(name, repo);
      const stored = await redisContent(redis.client);
      let compared = 0;
      for (const { key_hex, fields } of readGoldenLines<DumpedHash>('redis', name, 'dump.jsonl')) {
        const touched = fields.some(({ field }) => views.has(viewOf(field)));
        if (!touched || isWrittenOtherwise(name, key_hex)) continue;
        const mine = stored.get(key_hex) ?? new Map<string, string>();
        for (const { field, field_hex, value_hex } of fields) {
          if (!views.has(viewOf(field))) continue;
          assert.equal(mine.get(field_hex), RIGHT[`${field} ${value_hex}`] ?? value_hex, `${field} of ${key_hex}`);
          compared++;
        }
      }
      assert.ok(compared >= 12, `only ${compared} fields were compared`);
    });
  }

  for (const name of ['composite', 'multiview'] as const) {
    it(`leaves the same rows in SQLite for "${name}"`, async () => {
      const repo = repoOf(name, { type: 'sqlite', path: 'data/online_store.db' });
      rmSync(join(repo.path, 'data', 'online_store.db'), { force: true });
      assert.equal((await runCli(['apply', '--repo', repo.path, '--yes'])).status, 0);
      const views = await replay(name, repo);
      const recorded = readGoldenLines<RecordedRow>('sqlite', name, 'rows.jsonl');
      const Database = await loadSqliteDriver();
      const database = new Database(join(repo.path, 'data', 'online_store.db'), { readonly: true });
      try {
        let compared = 0;
        for (const view of views) {
          const rows = recorded.filter(({ table }) => table.endsWith(`_${view}`));
          const [{ table } = { table: '' }] = rows;
          const found = database
            .prepare(`SELECT entity_key, feature_name, value, event_ts AS event FROM "${table}"`)
            .all() as { entity_key: Buffer; feature_name: string; value: Buffer; event: number }[];
          const lines = found.map((row) => [
            row.entity_key.toString('hex'),
            row.feature_name,
            row.value.toString('hex'),
            row.event,
          ]);
          const expected = rows.map((row) => [row.entity_key.hex, row.feature_name, row.value.hex, row.event_ts]);
          assert.deepEqual(lines.sort(), expected.sort(), view);
          compared += rows.length;
        }
        assert.ok(compared > 10, `only ${compared} rows were compared`);
      } finally {
        database.close();
      }
    });
  }
});

/** Runs the recorded `materialize` steps. @returns the views that only they wrote to */
async function replay(name: string, repo: FeatureRepo): Promise<ReadonlySet<string>> {
  const views = new Set<string>();
  for (const { step, args } of readGoldenLines<LoadStep>('redis', name, 'load_log.jsonl')) {
    if (step !== 'materialize') continue;
    const [start, end, names] = args as [{ $datetime: string }, { $datetime: string }, string[] | null];
    const asked = names === null ? [] : ['--views', names.join(',')];
    const run = await runCli(['materialize', start.$datetime, end.$datetime, '--repo', repo.path, ...asked]);
    assert.equal(run.status, 0, run.stderr);
    for (const [, view] of run.stdout.matchAll(/^(\w+): \d+ rows read/gm)) if (view !== undefined) views.add(view);
  }
  assert.ok(views.size > 0);
  // It was pushed to as well.
  if (name === 'ttl') views.delete('card_1h');
  return views;
}

function viewOf(field: string): string {
  return field.startsWith('_ts:') ? field.slice('_ts:'.length) : field.slice(0, field.indexOf(':'));
}

/** Rows that were pushed or written as well. */
function isWrittenOtherwise(name: string, key: string): boolean {
  if (name === 'extras') return key.includes('0500000000000000');
  if (name !== 'simple') return false;
  const id = Buffer.from(key, 'hex').readBigInt64LE(key.indexOf('64726976') / 2 + 'driver_id'.length + 8);
  return id >= 1006n;
}
