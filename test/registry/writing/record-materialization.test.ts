import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { FeatureViewState } from '../../../gen/feast/core/FeatureView_pb.ts';
import { type Registry, RegistrySchema } from '../../../gen/feast/core/Registry_pb.ts';
import { registryFileFromConfig } from '../../../src/cli/registry-file-from-config.ts';
import { parseTimestamp } from '../../../src/encoding/timestamp.ts';
import { recordMaterialization } from '../../../src/registry/writing/record-materialization.ts';
import { RegistryFile } from '../../../src/registry/writing/registry-file.ts';
import { configFromYaml } from '../../support/config-from-yaml.ts';
import { goldenPath } from '../../support/golden.ts';
import { hasRegistryCode } from '../../support/registry-source-suite.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const span = { start: parseTimestamp('2026-03-01T00:00:00.123456789Z'), end: parseTimestamp('2026-04-01T00:00:00Z') };

describe('recording a materialization', () => {
  const folder = useTempFolder();
  const path = () => join(folder(), 'registry.db');
  const read = () => fromBinary(RegistrySchema, readFileSync(path()));
  const viewOf = (registry: Registry, name: string) =>
    [...registry.featureViews, ...registry.streamFeatureViews].find(({ spec }) => spec?.name === name);
  const use = (...golden: readonly string[]) => copyFileSync(goldenPath(...golden), path());
  const record = (project: string, view: string) =>
    recordMaterialization(new RegistryFile({ path: path(), maxBytes: 2 ** 28 }), { project, view, ...span });

  for (const [kind, name] of [
    ['feature view', 'driver_stats'],
    ['stream feature view', 'stream_view'],
  ] as const) {
    it(`adds the interval to those of a ${kind}, and changes nothing but what Feast changes`, async () => {
      use('registry', 'kitchen_sink', 'registry.db');
      const before = read();
      const earlier = viewOf(before, name)?.meta?.materializationIntervals.length ?? -1;
      const began = BigInt(Math.floor(Date.now() / 1000));
      await record('kitchen_sink', name);
      const after = read();
      const meta = viewOf(after, name)?.meta;
      assert.equal(meta?.materializationIntervals.length, earlier + 1);
      const added = meta?.materializationIntervals.at(-1);
      assert.deepEqual([added?.startTime?.seconds, added?.startTime?.nanos], [1772323200n, 123456000]);
      assert.deepEqual([added?.endTime?.seconds, added?.endTime?.nanos], [1775001600n, 0]);
      assert.equal(meta?.state, FeatureViewState.AVAILABLE_ONLINE);
      assert.ok((meta?.lastUpdatedTimestamp?.seconds ?? 0n) >= began);
      assert.ok((after.lastUpdated?.seconds ?? 0n) >= began);
      assert.notEqual(after.versionId, before.versionId);
      // Set back by hand, the two are one.
      const expected = viewOf(before, name)?.meta;
      assert.ok(meta !== undefined && expected !== undefined);
      meta.materializationIntervals.pop();
      meta.state = expected.state;
      if (expected.lastUpdatedTimestamp !== undefined) meta.lastUpdatedTimestamp = expected.lastUpdatedTimestamp;
      after.versionId = before.versionId;
      if (before.lastUpdated !== undefined) after.lastUpdated = before.lastUpdated;
      assert.deepEqual(toJson(RegistrySchema, after), toJson(RegistrySchema, before));
    });
  }

  it('takes the view of the right project, and keeps every byte of the others', async () => {
    use('registry', 'two_projects', 'registry.db');
    const [first, second] = read().projects.map(({ spec }) => spec?.name ?? '');
    assert.ok(first !== undefined && second !== undefined);
    const shared = read().featureViews.find(({ spec }) => spec?.project === second)?.spec?.name ?? '';
    await record(second, shared);
    const intervals = (project: string) =>
      read()
        .featureViews.filter(({ spec }) => spec?.project === project)
        .map(({ meta }) => meta?.materializationIntervals.length);
    assert.ok(intervals(second).includes(1));
    assert.ok(!intervals(first).includes(1));
  });

  it('keeps fields that a later Feast added', async () => {
    use('registry', 'minimal', 'registry.db');
    const registry = read();
    const unknown = { no: 900, wireType: 2, data: Buffer.from('\x05later') };
    registry.$unknown = [unknown];
    const [view] = registry.featureViews;
    assert.ok(view?.meta !== undefined && view.spec !== undefined);
    view.meta.$unknown = [unknown];
    view.spec.$unknown = [unknown];
    writeFileSync(path(), toBinary(RegistrySchema, registry));
    await record('minimal', 'fv');
    const after = read();
    for (const message of [after, after.featureViews[0]?.meta, after.featureViews[0]?.spec]) {
      assert.deepEqual(
        message?.$unknown?.map(({ no, data }) => [no, Buffer.from(data).toString()]),
        [[900, '\x05later']],
      );
    }
  });

  it('refuses a view that the registry does not hold, or that is not materialized from a source', async () => {
    use('registry', 'kitchen_sink', 'registry.db');
    const before = readFileSync(path());
    for (const view of ['nope', 'odfv_stored', 'reviews']) {
      await assert.rejects(record('kitchen_sink', view), hasRegistryCode('REGISTRY_VIEW_MISSING', new RegExp(view)));
    }
    await assert.rejects(record('other', 'driver_stats'), hasRegistryCode('REGISTRY_VIEW_MISSING', /"other"/));
    assert.deepEqual(readFileSync(path()), before);
  });

  it('refuses a registry that is cut off, no registry, or of a layout that it does not know', async () => {
    use('registry', 'minimal', 'registry.db');
    const whole = readFileSync(path());
    const withoutProjects = fromBinary(RegistrySchema, whole);
    withoutProjects.projects = [];
    for (const bytes of [whole.subarray(0, 40), Buffer.alloc(0), toBinary(RegistrySchema, withoutProjects)]) {
      writeFileSync(path(), bytes);
      await assert.rejects(record('minimal', 'fv'), hasRegistryCode('REGISTRY_CORRUPT'));
      assert.deepEqual(readFileSync(path()), Buffer.from(bytes));
    }
    const later = create(RegistrySchema, { ...fromBinary(RegistrySchema, whole), registrySchemaVersion: '2' });
    writeFileSync(path(), toBinary(RegistrySchema, later));
    await assert.rejects(record('minimal', 'fv'), hasRegistryCode('REGISTRY_NOT_WRITABLE', /schema version "2"/));
  });

  it('is for registry files: other places are refused with what to do instead', () => {
    for (const registry of [
      's3://bucket/registry.db',
      'gs://bucket/registry.db',
      'https://example.com/registry.db',
      { registry_type: 'sql', path: 'postgresql://localhost/feast' },
      { registry_type: 'remote', path: 'localhost:6570' },
    ]) {
      const config = configFromYaml(JSON.stringify({ project: 'p', registry }));
      assert.throws(() => registryFileFromConfig(config), hasRegistryCode('REGISTRY_NOT_WRITABLE', /not written/));
    }
  });
});
