import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { type CliRun, runCli } from '../support/cli-run.ts';
import { createDefinitionsRepo, type DefinitionsRepo, interopDefinitions } from '../support/definitions-repo.ts';
import { readGolden } from '../support/golden.ts';
import { inDatabase, tablesOf } from '../support/sqlite-file.ts';

/** A store of the user's that does as the test says. */
const GATED = `
import { z } from '${import.meta.resolve('zod')}';
export const GatedOnlineStoreConfig = z.strictObject({});
export class GatedOnlineStore {
  capabilities = {
    readMany: false, ttl: false, directWrite: true, keepsNewest: false,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  };
  async update(change) { await globalThis.sideboardGate.update(change); }
  async listTables() { globalThis.sideboardGate.listed(); return []; }
  async teardown() {}
  async onlineWriteBatch() {}
  async onlineRead() { return []; }
  async ping() {}
  async close() {}
}
`;

interface Gate {
  update: (change: { readonly tablesToKeep: readonly { readonly name: string }[] }) => Promise<void>;
  listed: () => void;
}

const gated = globalThis as { sideboardGate?: Gate };

/** The definitions after a while: a feature and a view less, another time to live, another file. */
const changed = {
  ...interopDefinitions,
  sources: [{ ...interopDefinitions.sources[0], path: 'data/new.parquet' }, interopDefinitions.sources[1]],
  feature_views: [
    {
      ...interopDefinitions.feature_views[0],
      ttl: '1d',
      schema: interopDefinitions.feature_views[0].schema.filter(({ name }) => name !== 'tags'),
    },
  ],
  feature_services: [{ name: 'ranking', features: ['driver_stats'] }],
};

describe('with definitions, the command', () => {
  let repo: DefinitionsRepo;

  beforeEach(() => {
    repo = createDefinitionsRepo(interopDefinitions);
  });

  afterEach(() => {
    repo.remove();
    delete gated.sideboardGate;
  });

  const sideboard = (...args: readonly string[]): Promise<CliRun> => runCli([...args, '--repo', repo.path]);
  const registry = () => fromBinary(RegistrySchema, readFileSync(repo.registryPath));
  const succeed = async (...args: readonly string[]): Promise<CliRun> => {
    const result = await sideboard(...args);
    assert.equal(result.status, 0, result.stderr);
    return result;
  };
  const useGatedStore = (gate: Gate) => {
    repo.remove();
    repo = createDefinitionsRepo(interopDefinitions, { online_store: { type: 'gated.GatedOnlineStore' } });
    writeFileSync(join(repo.path, 'gated.mjs'), GATED);
    gated.sideboardGate = gate;
  };

  describe('apply', () => {
    it('shows what it is going to create, and creates it in store and registry', async () => {
      const { stdout } = await succeed('apply');
      for (const line of [
        '  + project interop',
        '  + entity customer',
        '  + data source ride_stats_source',
        '  + feature view driver_stats',
        '  + feature service ranking',
        '  + table ride_stats',
        'Plan: 8 to create, 0 to change, 0 to delete; in the online store 2 to create, 0 to delete.',
        'Applied: 8 created, 0 changed, 0 deleted.',
      ]) {
        assert.ok(stdout.split('\n').includes(line), `${line}\nis not in\n${stdout}`);
      }
      assert.deepEqual(await tablesOf(repo), ['interop_driver_stats', 'interop_ride_stats']);
      const get = await succeed('get', '--features', 'driver_stats:city', '--entity', 'driver_id=1');
      assert.match(get.stdout, /NOT_FOUND/);
    });

    it('changes no byte when it is run again', async () => {
      await succeed('apply');
      const before = readFileSync(repo.registryPath);
      const { stdout } = await succeed('apply');
      assert.equal(stdout, 'Nothing to change: registry and online store are what the definitions say.\n');
      assert.deepEqual(readFileSync(repo.registryPath), before);
    });

    it('only says what it would do with --dry-run, and ends with 8 where that is asked for', async () => {
      const { stdout } = await succeed('apply', '--dry-run');
      assert.match(stdout, /^Plan: 8 to create/m);
      assert.ok(!existsSync(repo.registryPath));
      assert.ok(!existsSync(join(repo.path, 'data/online_store.db')));
      const asked = ['apply', '--dry-run', '--detailed-exitcode'] as const;
      assert.equal((await sideboard(...asked)).status, exitCodes.changes.code);
      await succeed('apply');
      await succeed(...asked);
      assert.equal((await sideboard('apply', '--detailed-exitcode')).status, exitCodes.usage.code);
    });

    it('names changed fields, old and new, and deletes with consent only', async () => {
      await succeed('apply');
      const before = readFileSync(repo.registryPath);
      repo.define(changed);
      const refused = await sideboard('apply');
      assert.equal(refused.status, exitCodes.usage.code);
      assert.match(refused.stderr, /CLI_NOT_CONFIRMED/);
      assert.deepEqual(readFileSync(repo.registryPath), before);
      const { stdout } = await succeed('apply', '--yes');
      for (const line of [
        '      file_options.uri: data/driver_stats.parquet -> data/new.parquet',
        '  ~ feature view driver_stats (version 1)',
        '      features.tags: STRING_LIST -> (none)',
        '      ttl: (none) -> 86400s',
        '      batch_source: driver_stats_source -> driver_stats_source (changed)',
        '  - feature view ride_stats',
        '  ~ feature service ranking',
        '  - rows of ride_stats',
        'Applied: 0 created, 3 changed, 1 deleted.',
      ]) {
        assert.ok(stdout.split('\n').includes(line), `${line}\nis not in\n${stdout}`);
      }
      assert.ok(!stdout.includes('\u001b'));
      assert.deepEqual(await tablesOf(repo), ['interop_driver_stats']);
      assert.deepEqual(
        registry().featureViews.map(({ spec }) => spec?.name),
        ['driver_stats'],
      );
    });

    it('leaves what the store merely has left over, and removes it with --yes', async () => {
      await succeed('apply');
      await inDatabase(repo, (database) => {
        database.exec('CREATE TABLE interop_gone (entity_key BLOB, feature_name TEXT, value BLOB, event_ts timestamp)');
      });
      const { stderr } = await succeed('apply');
      assert.match(stderr, /left alone; `sideboard apply --yes` removes it/);
      assert.ok((await tablesOf(repo)).includes('interop_gone'));
      await succeed('apply', '--yes');
      assert.ok(!(await tablesOf(repo)).includes('interop_gone'));
    });

    it('prints its plan as JSON', async () => {
      const { stdout } = await succeed('apply', '--json', '--dry-run');
      const plan = JSON.parse(stdout);
      assert.equal(plan.applied, false);
      assert.deepEqual(plan.counts, { create: 8, change: 0, delete: 0 });
      assert.deepEqual(plan.tables, [
        { action: 'create', name: 'driver_stats' },
        { action: 'create', name: 'ride_stats' },
      ]);
      await succeed('apply');
      repo.define(changed);
      const applied = JSON.parse((await succeed('apply', '--json', '--yes')).stdout);
      assert.equal(applied.applied, true);
      const view = applied.changes.find(({ name }: { name: string }) => name === 'driver_stats');
      assert.equal(view.version, 1);
      assert.ok(view.fields.some(({ field, to }: { field: string; to: string }) => field === 'ttl' && to === '86400s'));
    });

    it('gives each version of a view a table of its own, where versions are read', async () => {
      repo.remove();
      const versioned = { path: 'data/registry.db', enable_online_feature_view_versioning: true };
      repo = createDefinitionsRepo(interopDefinitions, { registry: versioned });
      await succeed('apply');
      repo.define(changed);
      await succeed('apply', '--yes');
      // Feast itself never makes the second one on SQLite.
      assert.deepEqual(await tablesOf(repo), ['interop_driver_stats', 'interop_driver_stats_v1']);
    });

    it('records nothing when the store fails', async () => {
      useGatedStore({ update: () => Promise.reject(new Error('no')), listed: () => {} });
      const first = await sideboard('apply');
      assert.equal(first.status, exitCodes.store.code);
      assert.ok(!existsSync(repo.registryPath));
      gated.sideboardGate = { update: async () => {}, listed: () => {} };
      await succeed('apply');
      const before = readFileSync(repo.registryPath);
      repo.define(changed);
      gated.sideboardGate = { update: () => Promise.reject(new Error('no')), listed: () => {} };
      assert.equal((await sideboard('apply', '--yes')).status, exitCodes.store.code);
      assert.deepEqual(readFileSync(repo.registryPath), before);
      assert.ok(!existsSync(`${repo.registryPath}.lock`));
    });

    it('has one winner of two at the same time', async () => {
      let release = (): void => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      let begun = (): void => {};
      const begins = new Promise<void>((resolve) => {
        begun = resolve;
      });
      let lists = 0;
      let updates = 0;
      useGatedStore({
        async update() {
          updates += 1;
          begun();
          await released;
        },
        listed() {
          lists += 1;
          // The first one plans, and again under the lock; then the second one has planned.
          if (lists === 3) release();
        },
      });
      const winner = sideboard('apply');
      await begins;
      const loser = sideboard('apply');
      assert.equal((await winner).status, 0);
      const lost = await loser;
      assert.equal(lost.status, exitCodes.registry.code);
      assert.match(lost.stderr, /^error REGISTRY_CHANGED: .+\nhint: Theirs is kept/m);
      assert.equal(updates, 1);
    });

    it('adds a project to a registry that has another, and keeps that one', async () => {
      const other = fromBinary(RegistrySchema, readGolden('registry', 'minimal', 'registry.db'));
      await succeed('apply');
      writeFileSync(repo.registryPath, toBinary(RegistrySchema, other));
      await succeed('apply');
      assert.deepEqual(
        registry().projects.map(({ spec }) => spec?.name),
        ['minimal', 'interop'],
      );
      const views = (from: typeof other) => from.featureViews.filter(({ spec }) => spec?.project === 'minimal');
      assert.deepEqual(views(registry()), views(other));
      assert.equal(registry().infra?.infraObjects.length, 3);
    });

    it('refuses a registry that cannot be written, and options that have no meaning', async () => {
      repo.remove();
      repo = createDefinitionsRepo(interopDefinitions, { registry: 's3://bucket/registry.db' });
      const refused = await sideboard('apply');
      assert.equal(refused.status, exitCodes.registry.code);
      assert.match(refused.stderr, /REGISTRY_NOT_WRITABLE: .*feature_store\.yaml:\d+: a registry under s3:\/\//);
      const previous = await sideboard('apply', '--previous-registry', 'x.db');
      assert.equal(previous.status, exitCodes.usage.code);
    });

    it('says that there is nothing to make a registry from, where there are no definitions', async () => {
      rmSync(join(repo.path, 'definitions.yaml'));
      const { status, stderr } = await runCli(['apply', '--repo', repo.path]);
      assert.equal(status, exitCodes.registry.code);
      assert.match(
        stderr,
        /^error REGISTRY_NOT_FOUND: .+ has no definitions to make it from\.\nhint: Write definitions\.yaml /,
      );
    });

    it('names what is wrong with definitions, and does nothing', async () => {
      repo.define({ ...interopDefinitions, entities: [] });
      const refused = await sideboard('apply');
      assert.equal(refused.status, exitCodes.config.code);
      assert.match(refused.stderr, /DEFINITIONS_UNKNOWN_REFERENCE/);
      assert.ok(!existsSync(repo.registryPath));
    });
  });

  describe('teardown', () => {
    it('removes the project from store and registry, and no other, with consent only', async () => {
      await succeed('apply');
      const both = registry();
      const other = fromBinary(RegistrySchema, readGolden('registry', 'minimal', 'registry.db'));
      for (const list of ['projects', 'entities', 'featureViews', 'dataSources'] as const) {
        (both[list] as unknown[]).push(...other[list]);
      }
      both.projectMetadata.push({ $typeName: 'feast.core.ProjectMetadata', project: 'interop', projectUuid: 'u' });
      writeFileSync(repo.registryPath, toBinary(RegistrySchema, both));
      const before = readFileSync(repo.registryPath);
      const refused = await sideboard('teardown');
      assert.equal(refused.status, exitCodes.usage.code);
      assert.deepEqual(readFileSync(repo.registryPath), before);
      const { stdout } = await succeed('teardown', '--yes');
      assert.match(stdout, /^removed: driver_stats, ride_stats\nremoved from the registry: project interop\n$/);
      assert.deepEqual(await tablesOf(repo), []);
      const after = registry();
      assert.deepEqual(
        after.projects.map(({ spec }) => spec?.name),
        ['minimal'],
      );
      assert.deepEqual(after.projectMetadata, []);
      assert.deepEqual(after.featureServices, []);
      assert.deepEqual(after.featureViewVersionHistory?.records, []);
      assert.deepEqual(after.infra?.infraObjects, []);
      assert.deepEqual(after.featureViews, other.featureViews);
      await succeed('apply');
    });

    it('leaves a registry behind that the project can be applied to again', async () => {
      await succeed('apply');
      await succeed('teardown', '--yes');
      assert.deepEqual(registry().projects, []);
      const { stdout } = await succeed('apply');
      assert.match(stdout, /^Applied: 8 created/m);
    });

    it('refuses a project that is protected', async () => {
      repo.define({ ...interopDefinitions, project: { tags: { 'feast.dev/protected-project': 'true' } } });
      await succeed('apply');
      const refused = await sideboard('teardown', '--yes');
      assert.equal(refused.status, exitCodes.registry.code);
      assert.match(refused.stderr, /REGISTRY_PLAN_REFUSED: .*protected/);
      assert.deepEqual(await tablesOf(repo), ['interop_driver_stats', 'interop_ride_stats']);
    });
  });
});
