import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { goldenSnapshot, registryOf } from '../support/registries.ts';

describe('versions of views', () => {
  it('hold the schema that each version had', () => {
    const view = goldenSnapshot('accounts', 'redis', 'versioned', 'repo', 'data', 'registry.db').views.get('acct');
    assert.equal(view?.currentVersion, 2);
    const schemas = [...view.versions].map(([version, schema]) => [
      version,
      schema.currentVersion,
      schema.features.map((feature) => feature.name),
    ]);
    assert.deepEqual(schemas, [
      [0, 0, ['balance', 'level']],
      [1, 1, ['balance', 'logins']],
      [2, 2, ['balance', 'logins', 'level']],
    ]);
    assert.deepEqual(view.features, view.versions.get(2)?.features);
  });

  it('are counted by Feast where versioned reads are not enabled, too', () => {
    const view = goldenSnapshot('catalog', 'redis', 'evolve', 'repo', 'data', 'registry.db').views.get('item');
    assert.equal(view?.currentVersion, 1);
    assert.deepEqual([...view.versions.keys()], [0, 1]);
  });

  it('are pinned by projections, and only there', () => {
    const { services } = goldenSnapshot('accounts', 'redis', 'versioned', 'repo', 'data', 'registry.db');
    const pins = [...services.values()].map((service) => [
      service.name,
      service.projections.map(({ viewName, alias, version }) => [viewName, alias, version]),
    ]);
    assert.deepEqual(Object.fromEntries(pins), {
      acct_latest: [['acct', 'acct', undefined]],
      both: [
        ['acct', 'acct', undefined],
        ['other', 'other', undefined],
      ],
      pinned: [
        ['acct', 'acct', 1],
        ['other', 'other', undefined],
      ],
      pinned_one: [['acct', 'acct', 1]],
    });
  });

  it('are left out with a warning when their record cannot be read', () => {
    const warnings: string[] = [];
    const spec = { name: 'v', project: 'p' };
    const good = toBinary(FeatureViewSchema, create(FeatureViewSchema, { spec }));
    const record = { featureViewName: 'v', projectId: 'p', featureViewType: 'feature_view', featureViewProto: good };
    const registry = registryOf({
      featureViews: [{ spec, meta: { currentVersionNumber: 3 } }],
      featureViewVersionHistory: {
        records: [
          { ...record, versionNumber: 0 },
          { ...record, versionNumber: 1, featureViewProto: Uint8Array.of(0x0a, 0x7f) },
          { ...record, versionNumber: 2, featureViewType: 'hologram_view' },
          { ...record, versionNumber: 3 },
        ],
      },
    });
    const view = createRegistrySnapshot(registry, 'p', 1, (warning) => warnings.push(warning)).views.get('v');
    assert.deepEqual([...(view?.versions.keys() ?? [])], [0, 3]);
    assert.equal(warnings.length, 2);
    assert.match(warnings[0] ?? '', /Version 1 of view "v".*cannot be read/);
    assert.match(warnings[1] ?? '', /Version 2 of view "v".*"hologram_view"/);
  });
});
