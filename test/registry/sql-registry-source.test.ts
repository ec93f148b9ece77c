import assert from 'node:assert/strict';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registryFromBytes } from '../../src/registry/registry-from-bytes.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import type { LoadedRegistry, RegistrySource } from '../../src/registry/registry-source.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { createSqlRegistrySourceFromUrl } from '../../src/registry/sql/sql-registry-from-url.ts';
import { loadSqliteDriver } from '../../src/stores/sqlite/sqlite-driver.ts';
import { feastProject, writeFeastRegistries } from '../support/feast-registries.ts';
import { requireFeast } from '../support/feast-session.ts';
import { goldenPath } from '../support/golden.ts';
import { goldenSnapshot } from '../support/registries.ts';
import { contentOf, hasRegistryCode } from '../support/registry-source-suite.ts';
import { openSqliteFile } from '../support/sqlite-registry.ts';
import { useTempFolder } from '../support/temp-folder.ts';

describe('a SQL registry in SQLite', () => {
  const folder = useTempFolder();
  const file = () => join(folder(), 'registry.db');
  const recorded = goldenPath('registry', 'sql', 'registry_sql.db');

  const source = (project = 'kitchen_sink', options: { settleMs?: number; maxBytes?: number } = {}): RegistrySource =>
    createSqlRegistrySourceFromUrl({
      url: 'sqlite:///registry.db',
      setting: 'registry.path',
      repoPath: folder(),
      project,
      maxBytes: 2 ** 20,
      openSqliteFile,
      settleMs: 0,
      ...options,
    });

  async function loadWhole(from: RegistrySource, previous?: string): Promise<LoadedRegistry> {
    const loaded = await from.load(previous === undefined ? {} : { previous });
    assert.ok(loaded !== 'unchanged');
    return loaded;
  }

  async function snapshotOf(project: string): Promise<RegistrySnapshot> {
    const { bytes } = await loadWhole(source(project));
    return createRegistrySnapshot(registryFromBytes(bytes, 'registry'), project, 1);
  }

  async function change(sql: string, ...parameters: unknown[]): Promise<void> {
    const Database = await loadSqliteDriver();
    const database = new Database(file(), { fileMustExist: true });
    database.prepare(sql).run(...parameters);
    database.close();
  }

  it('serves each project as a registry file with the same definitions does', async () => {
    copyFileSync(recorded, file());
    for (const project of ['kitchen_sink', 'second_project']) {
      const expected = goldenSnapshot(project, 'registry', 'two_projects', 'registry.db');
      const snapshot = await snapshotOf(project);
      assert.deepEqual(contentOf(snapshot), contentOf(expected));
      assert.equal(snapshot.permissions.length > 0, project === 'kitchen_sink');
      assert.deepEqual(snapshot.projects, ['kitchen_sink', 'second_project']);
      assert.equal(snapshot.lastUpdated, 1_795_266_288_000);
    }
  });

  it('gives the same bytes for the same rows, and other ones for another project', async () => {
    copyFileSync(recorded, file());
    const [first, second, other] = await Promise.all([
      loadWhole(source()),
      loadWhole(source()),
      loadWhole(source('second_project')),
    ]);
    assert.deepEqual(first, second);
    assert.ok(other.bytes.length < first.bytes.length / 4);
  });

  it('sees a row that was added, removed or written again, and not that of another project', async () => {
    copyFileSync(recorded, file());
    const from = source();
    let { token = '' } = await loadWhole(from);
    assert.equal(await from.load({ previous: token }), 'unchanged');
    await change("DELETE FROM feature_views WHERE project_id = 'second_project'");
    assert.equal(await from.load({ previous: token }), 'unchanged');
    const changes = [
      "UPDATE feature_services SET last_updated_timestamp = last_updated_timestamp + 1 WHERE project_id = 'kitchen_sink'",
      "DELETE FROM entities WHERE entity_name = '__dummy' AND project_id = 'kitchen_sink'",
      "INSERT INTO entities SELECT 'copy', project_id, last_updated_timestamp, entity_proto FROM entities WHERE project_id = 'kitchen_sink' LIMIT 1",
      "DELETE FROM feature_view_version_history WHERE project_id = 'kitchen_sink'",
    ];
    for (const sql of changes) {
      await change(sql);
      const loaded: LoadedRegistry = await loadWhole(from, token);
      assert.notEqual(loaded.token, token, sql);
      token = loaded.token ?? '';
      assert.equal(await from.load({ previous: token }), 'unchanged', sql);
    }
  });

  it('reads once more as long as another change within the second could have gone unseen', async () => {
    copyFileSync(recorded, file());
    const from = source('kitchen_sink', { settleMs: 60_000 });
    const { token } = await loadWhole(from);
    assert.equal((await loadWhole(from, token)).token, token);
  });

  it('sets the project of objects whose rows carry it beside them alone', async () => {
    copyFileSync(recorded, file());
    // An entity "bare" with the join key "bare_id": field 1 (spec) with the fields 1 and 4.
    const spec = Buffer.concat([Buffer.from('\x0a\x04bare', 'latin1'), Buffer.from('\x22\x07bare_id', 'latin1')]);
    const entity = Buffer.concat([Buffer.from([0x0a, spec.length]), spec]);
    await change("INSERT INTO entities VALUES ('bare', 'kitchen_sink', 1, ?)", entity);
    assert.equal((await snapshotOf('kitchen_sink')).entities.get('bare')?.joinKey, 'bare_id');
  });

  it('reads what an older Feast left, without projects, label views and history', async () => {
    copyFileSync(recorded, file());
    for (const table of ['projects', 'label_views', 'feature_view_version_history'])
      await change(`DROP TABLE ${table}`);
    const snapshot = await snapshotOf('kitchen_sink');
    assert.deepEqual(snapshot.projects, ['kitchen_sink', 'second_project']);
    assert.equal(snapshot.views.size, 15);
  });

  it('names the row of a message that is cut off', async () => {
    copyFileSync(recorded, file());
    await change(
      'UPDATE feature_views SET feature_view_proto = substr(feature_view_proto, 1, length(feature_view_proto) - 1)',
    );
    await assert.rejects(source().load(), hasRegistryCode('REGISTRY_CORRUPT', /feature_views "\w+" is cut off/));
    await change('UPDATE feature_views SET feature_view_proto = zeroblob(65535)');
    await assert.rejects(
      source().load(),
      hasRegistryCode('REGISTRY_CORRUPT', /BLOB, which holds 64 KB: change it to LONGBLOB/),
    );
  });

  it('has a code for everything else that may be wrong with the file', async () => {
    await assert.rejects(source().load(), hasRegistryCode('REGISTRY_NOT_FOUND', /registry\.db.*feast apply/));
    writeFileSync(file(), 'no database at all, but long enough to have a head of one hundred bytes'.repeat(20));
    await assert.rejects(source().load(), hasRegistryCode('REGISTRY_CORRUPT', /not a SQLite database/));
    rmSync(file());
    const Database = await loadSqliteDriver();
    new Database(file(), {}).exec('CREATE TABLE other (x)');
    await assert.rejects(source().load(), hasRegistryCode('REGISTRY_NOT_FOUND', /no table of a registry/));
    copyFileSync(recorded, file());
    await assert.rejects(source('kitchen_sink', { maxBytes: 2_000 }).load(), hasRegistryCode('REGISTRY_TOO_LARGE'));
  });

  it('waits for a writer without blocking, and gives up with the caller', async () => {
    copyFileSync(recorded, file());
    const Database = await loadSqliteDriver();
    const writer = new Database(file(), {});
    writer.exec('BEGIN EXCLUSIVE');
    const abort = new AbortController();
    const refused = assert.rejects(source().load({ signal: abort.signal }));
    setTimeout(() => abort.abort(), 60);
    await refused;
    const waiting = source().load();
    setTimeout(() => writer.exec('COMMIT'), 60);
    assert.ok((await waiting) !== 'unchanged');
    writer.close();
  });

  it('serves what real Feast applied, with a second version', async function () {
    this.timeout(300_000);
    await requireFeast(this);
    const registry = { registry_type: 'sql', path: `sqlite:///${file()}` };
    const { expected } = await writeFeastRegistries([{ registry, steps: ['first', 'changed'] }]);
    const snapshot = await snapshotOf(feastProject);
    assert.deepEqual(contentOf(snapshot), contentOf(expected.changed));
    assert.deepEqual([...(snapshot.views.get('ride_stats')?.versions.keys() ?? [])], [0, 1]);
  });
});
