import assert from 'node:assert/strict';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { type Registry, RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { parseTimestamp } from '../../src/encoding/timestamp.ts';
import type { ProjectDefinitions } from '../../src/registry/project-definitions.ts';
import { planDefinitions } from '../../src/registry/writing/plan-definitions.ts';
import { recordMaterialization } from '../../src/registry/writing/record-materialization.ts';
import { RegistryFile } from '../../src/registry/writing/registry-file.ts';
import { comparableRegistry } from '../support/comparable-registry.ts';
import { definitionsOfRegistry } from '../support/definitions-of-registry.ts';
import { requireFeast, run } from '../support/feast-session.ts';
import { createFeatureRepo, type FeatureRepo } from '../support/feature-repo.ts';
import { projectRoot } from '../support/project-root.ts';

interface Step {
  readonly step: string;
  readonly registry: string;
}

describe('registries that Sideboard writes next to those that Feast writes', function () {
  this.timeout(300_000);
  let repo: FeatureRepo;

  before(async function () {
    await requireFeast(this);
    repo = createFeatureRepo({
      config: join(projectRoot, 'test/interop/feast/feature_store.yaml'),
      files: {},
      sections: { project: 'steps', registry: { path: 'registry.db', enable_online_feature_view_versioning: true } },
    });
  });
  after(() => repo?.remove());

  it('record the same, step by step', async () => {
    const script = join(projectRoot, 'test/interop/feast/registry_steps.py');
    const { status, stdout, output } = await run(join(projectRoot, '.venv/feast/bin/python'), [script, repo.path]);
    assert.equal(status, 0, output);
    const steps = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as readonly Step[];
    const file = new RegistryFile({ path: join(repo.path, 'ours.db'), maxBytes: 2 ** 28 });
    let previous: ProjectDefinitions | undefined;
    for (const { step, registry } of steps) {
      const theirs = fromBinary(RegistrySchema, Buffer.from(registry, 'base64'));
      if (step === 'materialized') {
        const start = parseTimestamp('2026-01-01');
        const end = parseTimestamp('2026-02-01T03:04:05.678901Z');
        await recordMaterialization(file, { project: 'steps', view: 'stats', start, end });
      } else {
        const now = definitionsOfRegistry(theirs, 'steps');
        // After going back to a version the registry holds that version, and the definition still the newest one.
        const featureViews = step === 'the first version again' ? pinned(previous, 'v0') : now.featureViews;
        const definitions = { ...now, featureViews };
        const sqlitePath = join(repo.path, 'online_store.db');
        await file.update((current) => {
          const plan = planDefinitions({ registry: current, source: 'ours', definitions, sqlitePath });
          return { ...(plan.bytes === undefined ? {} : { bytes: plan.bytes }), result: undefined };
        });
        previous = definitions;
      }
      const ours = fromBinary(RegistrySchema, (await file.read()) ?? new Uint8Array());
      // Feast forgets the current version when it applies a view that needs no new one, as it does with each that was materialized.
      if (step === 'one view less' || step === 'tags of a version') {
        assert.equal(currentVersion(theirs), 0);
        assert.equal(currentVersion(ours), 2);
        setCurrentVersion(theirs, 2);
      }
      assert.deepEqual(comparableRegistry(ours, false), comparableRegistry(theirs, false), step);
    }
    assert.equal(steps.length, 11);
  });
});

function pinned(definitions: ProjectDefinitions | undefined, version: string): ProjectDefinitions['featureViews'] {
  assert.ok(definitions !== undefined);
  const stats = definitions.featureViews.find(({ spec }) => spec?.name === 'stats')?.spec;
  assert.ok(stats !== undefined);
  stats.version = version;
  return definitions.featureViews;
}

function currentVersion(registry: Registry): number | undefined {
  return registry.featureViews.find(({ spec }) => spec?.name === 'stats')?.meta?.currentVersionNumber;
}

function setCurrentVersion(registry: Registry, version: number): void {
  const meta = registry.featureViews.find(({ spec }) => spec?.name === 'stats')?.meta;
  if (meta !== undefined) meta.currentVersionNumber = version;
}
