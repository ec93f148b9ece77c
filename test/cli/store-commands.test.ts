import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { type CliRun, runCli } from '../support/cli-run.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { goldenPath } from '../support/golden.ts';
import { createSqliteRepo, removeViewFromRegistry } from '../support/golden-repo.ts';
import { inDatabase, tablesOf } from '../support/sqlite-file.ts';

const VIEW = 'driver_hourly_stats';

/** A user's store over another system, which fills it. */
const MIRROR = `
import { z } from '${import.meta.resolve('zod')}';
export const MirrorOnlineStoreConfig = z.strictObject({});
const fail = async () => { throw new Error('must not be called'); };
export class MirrorOnlineStore {
  capabilities = {
    readMany: false, ttl: false, directWrite: false, keepsNewest: false,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  };
  update = fail;
  teardown = fail;
  onlineWriteBatch = fail;
  onlineRead = fail;
  ping = fail;
  async close() {}
}
`;

describe('on SQLite, the command', () => {
  let repo: FeatureRepo;

  beforeEach(() => {
    repo = createSqliteRepo('simple');
  });

  afterEach(() => repo.remove());

  const sideboard = (...args: readonly string[]): Promise<CliRun> => runCli([...args, '--repo', repo.path]);
  const get = (): Promise<CliRun> => sideboard('get', '--features', `${VIEW}:city`, '--entity', 'driver_id=1001');

  describe('apply', () => {
    it('creates what is missing and keeps what is there', async () => {
      rmSync(join(repo.path, 'data/online_store.db'));
      const trial = await sideboard('apply', '--dry-run');
      assert.match(trial.stdout, /driver_hourly_stats +driver_id +to be created/);
      assert.match((await sideboard('apply')).stdout, /driver_hourly_stats +driver_id +created/);
      assert.match((await sideboard('apply')).stdout, /driver_hourly_stats +driver_id +there already/);
      assert.match((await get()).stdout, /NOT_FOUND/);
    });

    it('removes what went away only with consent, and never what is not its own', async () => {
      await inDatabase(repo, (database) => {
        for (const table of ['driver_ranking_gone', 'driver_ranking_two_view']) {
          database.exec(`CREATE TABLE ${table} (entity_key BLOB, feature_name TEXT, value BLOB, event_ts timestamp)`);
        }
        database.exec('CREATE TABLE driver_ranking_notes (text TEXT)');
      });
      const trial = await sideboard('apply', '--dry-run');
      assert.match(trial.stdout, /\ngone +- +to be removed\n/);
      const careful = await sideboard('apply');
      assert.equal(careful.status, 0);
      assert.match(careful.stdout, /\ngone +- +left over\n/);
      assert.match(careful.stderr, /`sideboard apply --yes` removes it/);
      assert.match((await sideboard('apply', '--yes')).stdout, /\ngone +- +removed\n/);
      assert.deepEqual(await tablesOf(repo), ['driver_ranking_driver_hourly_stats', 'driver_ranking_notes']);
    });

    it('knows from an earlier registry what went away', async () => {
      const shop = createSqliteRepo('multiview');
      try {
        const before = join(shop.path, 'before.db');
        copyFileSync(join(shop.path, 'data/registry.db'), before);
        removeViewFromRegistry(join(shop.path, 'data/registry.db'), 'live_counters');
        const args = ['apply', '--repo', shop.path, '--previous-registry', before, '--yes'];
        const { stdout } = await runCli(args);
        assert.match(stdout, /\nlive_counters +customer_id +removed\n$/);
        assert.ok(!(await tablesOf(shop)).includes('shop_live_counters'));
        assert.doesNotMatch((await runCli(args)).stdout, /live_counters/);
      } finally {
        shop.remove();
      }
    });

    it('refuses an earlier registry of another project', async () => {
      const before = goldenPath('sqlite', 'multiview', 'repo', 'data', 'registry.db');
      const { status, stderr } = await sideboard('apply', '--previous-registry', before);
      assert.match(stderr, /^error REGISTRY_PROJECT_MISSING/);
      assert.equal(status, exitCodes.registry.code);
    });
  });

  describe('teardown', () => {
    it('needs consent', async () => {
      const { status, stderr } = await sideboard('teardown');
      assert.match(stderr, /^error CLI_NOT_CONFIRMED: .*\nhint: Give --yes/);
      assert.equal(status, exitCodes.usage.code);
      assert.match((await get()).stdout, /PRESENT/);
    });

    it('removes the tables of the project and can be repeated', async () => {
      const { status, stdout } = await sideboard('teardown', '--yes');
      assert.equal(status, 0);
      assert.equal(stdout, 'removed: driver_hourly_stats\n');
      assert.deepEqual(await tablesOf(repo), []);
      const again = await sideboard('teardown', '--yes');
      assert.equal(again.status, 0);
      assert.match(again.stderr, /holds nothing/);
      assert.match((await get()).stderr, /^error STORE_TABLE_MISSING/);
    });
  });

  describe('doctor', () => {
    it('goes through configuration, registry, store, tables and rows', async () => {
      const { status, stdout } = await sideboard('doctor');
      assert.equal(status, 0);
      const checks = stdout.split('\n').map((line) => line.split(/ +/).slice(0, 2).join(' '));
      assert.deepEqual(checks, ['ok config', 'ok registry', 'ok store', 'ok tables', 'ok rows', '', 'ready to', '']);
    });

    it('warns of values of another type than the registry says, of old rows and of what is not served', async () => {
      for (const [name, warning] of [
        ['evolve', /stored values of stock are INT64, the registry says STRING\n.*stored_types/],
        ['ttl', /card_1h: \d of \d sampled rows are older than the view's ttl\n.*OUTSIDE_MAX_AGE/],
        ['multiview', /on-demand views are not served: checkout_python/],
        ['multiview', /never_loaded: no rows were seen\n.*materialize/],
      ] as const) {
        const other = createSqliteRepo(name);
        const { status, stdout } = await runCli(['doctor', '--repo', other.path]);
        other.remove();
        assert.match(stdout, warning);
        assert.match(stdout, /\nready to serve, \d+ warnings?\n$/);
        assert.equal(status, 0);
      }
    });

    it('fails for stored bytes that are not a value, and still looks at the rest', async () => {
      await inDatabase(repo, (database) => {
        database.exec(`UPDATE driver_ranking_${VIEW} SET value = x'12ff03' WHERE feature_name = 'city'`);
      });
      const { status, stdout } = await sideboard('doctor');
      assert.match(
        stdout,
        /FAILED +rows +driver_hourly_stats: \d+ of \d+ sampled rows hold bytes for city that are not /,
      );
      assert.match(stdout, /\n1 check failed\n$/);
      assert.equal(status, exitCodes.store.code);
    });

    it('warns of tables that belong to no view, and fails for tables that are missing', async () => {
      await inDatabase(repo, (database) => {
        database.exec(`ALTER TABLE driver_ranking_${VIEW} RENAME TO driver_ranking_gone`);
      });
      const { status, stdout } = await sideboard('doctor');
      assert.match(stdout, /FAILED +tables +the store has no table for: driver_hourly_stats\n.*sideboard apply/);
      assert.match(stdout, /warning +tables +belongs to no view any more: gone\n/);
      assert.match(stdout, /\n1 check failed, 1 warning\n$/);
      assert.equal(status, exitCodes.store.code);
    });

    it('stops at the first part that cannot be used, with its exit code, also as JSON', async () => {
      truncateSync(join(repo.path, 'data/registry.db'), 0);
      const { status, stdout } = await sideboard('doctor', '--json');
      const findings = JSON.parse(stdout) as { check: string; result: string; code?: string }[];
      assert.deepEqual(
        findings.map(({ check, result, code }) => [check, result, code]),
        [
          ['config', 'ok', undefined],
          ['registry', 'failed', 'REGISTRY_CORRUPT'],
        ],
      );
      assert.equal(status, exitCodes.registry.code);
    });
  });

  describe('write', () => {
    it('names bad rows by line and column, says what was written, and ends as bad input', async () => {
      const file = join(repo.path, 'rows.csv');
      const row = (id: string) => `${id},2026-01-10T08:00:00Z`;
      writeFileSync(file, ['driver_id,event_timestamp', row('1'), row('2'), row('three'), row('')].join('\n'));
      const args = ['write', VIEW, file, '--missing-as-null', '--batch-size', '2'];
      const trial = await sideboard(...args, '--dry-run');
      assert.equal(trial.status, exitCodes.input.code);
      assert.equal(trial.stdout, '');
      const { status, stdout, stderr } = await sideboard(...args);
      assert.equal(stdout, `2 rows of ${VIEW} written before the failure\n`);
      assert.match(stderr, /^Nothing from line 4 on was written\.\nerror INGEST_BAD_ROWS: 2 rows cannot be written:\n/);
      assert.match(
        stderr,
        /\n {2}Line 4, column "driver_id": .*\n {2}Line 5, column "driver_id": a join key cannot be null/,
      );
      assert.equal(status, exitCodes.input.code);
    });

    it('lets the last row win, and with --newest-only the newest', async () => {
      const write = (time: string, city: string, ...args: readonly string[]): Promise<CliRun> => {
        const input = JSON.stringify({ driver_id: 1001, city, event_timestamp: time });
        const all = ['write', VIEW, '-', '--format', 'jsonl', '--missing-as-null', ...args, '--repo', repo.path];
        return runCli(all, { input });
      };
      const cityNow = async (): Promise<string> => (await get()).stdout;
      await write('2099-01-10T08:00:00Z', 'Oslo');
      const older = await write('2098-01-10T08:00:00Z', 'Bergen', '--newest-only');
      assert.match(older.stdout, /^1 row of driver_hourly_stats written where newer in /);
      assert.match(await cityNow(), /Oslo/);
      await write('2100-01-10T08:00:00Z', 'Tromsø', '--newest-only');
      assert.match(await cityNow(), /Tromsø/);
      await write('2098-01-10T08:00:00Z', 'Bergen');
      assert.match(await cityNow(), /Bergen/);
    });

    for (const [args, code] of [
      [['nope', 'rows.csv'], 'INGEST_UNKNOWN_VIEW'],
      [[VIEW, 'rows.csv'], 'INGEST_FILE_UNREADABLE'],
      [[VIEW, 'rows.parquet'], 'INGEST_FORMAT_UNKNOWN'],
      [[VIEW, '-'], 'INGEST_FORMAT_UNKNOWN'],
    ] as const) {
      it(`refuses ${args.join(' ')} with ${code}`, async () => {
        const { status, stderr } = await sideboard('write', ...args);
        assert.match(stderr, new RegExp(`^error ${code}: `));
        assert.equal(status, exitCodes.input.code);
      });
    }

    it('refuses an on-demand view, whose rows only Python can compute', async () => {
      const other = createSqliteRepo('multiview');
      const { stderr } = await runCli(['write', 'birthday', '-', '--format', 'csv', '--repo', other.path]);
      other.remove();
      assert.match(stderr, /^error INGEST_VIEW_NOT_WRITABLE: /);
    });

    it('writes nothing to a store that takes no rows', async () => {
      writeFileSync(join(repo.path, 'mirror.mjs'), MIRROR);
      const config = join(repo.path, 'feature_store.yaml');
      writeFileSync(
        config,
        stringify({ ...parse(readFileSync(config, 'utf8')), online_store: 'mirror.MirrorOnlineStore' }),
      );
      const { status, stdout, stderr } = await runCli(['write', VIEW, '-', '--format', 'jsonl', '--repo', repo.path]);
      assert.match(
        stderr,
        /^error INGEST_STORE_READ_ONLY: The mirror\.MirrorOnlineStore store takes no rows directly\.\n/,
      );
      assert.deepEqual([status, stdout], [exitCodes.input.code, '']);
    });

    it('warns that a store without times cannot tell which row is older', async () => {
      const abilities = 'directWrite: true, eventTimes: false';
      writeFileSync(join(repo.path, 'timeless.mjs'), MIRROR.replace('directWrite: false', abilities));
      const config = join(repo.path, 'feature_store.yaml');
      const text = parse(readFileSync(config, 'utf8'));
      writeFileSync(config, stringify({ ...text, online_store: 'timeless.MirrorOnlineStore' }));
      const args = ['write', VIEW, '-', '--format', 'jsonl', '--newest-only', '--dry-run', '--repo', repo.path];
      const { stderr } = await runCli(args);
      assert.match(
        stderr,
        /^warning: the timeless\.MirrorOnlineStore store keeps no event times: --newest-only compares/m,
      );
    });

    it('says where the store failed, and that it may have written in part', async () => {
      await sideboard('teardown', '--yes');
      const input = '{"driver_id": 1, "event_timestamp": "2026-01-10"}';
      const args = ['write', VIEW, '-', '--format', 'jsonl', '--missing-as-null', '--repo', repo.path];
      const { status, stdout, stderr } = await runCli(args, { input });
      assert.match(stdout, /^0 rows .* written before the failure/);
      assert.match(
        stderr,
        /^Lines 1 to 1 may be written in part; nothing behind them is\.\nerror STORE_TABLE_MISSING: /,
      );
      assert.equal(status, exitCodes.store.code);
    });
  });
});
