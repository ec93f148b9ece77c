import assert from 'node:assert/strict';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { DataSource_SourceType } from '../../gen/feast/core/DataSource_pb.ts';
import { FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { RegistryError } from '../../src/registry/registry-error.ts';
import { registryFromBytes } from '../../src/registry/registry-from-bytes.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { readGolden } from '../support/golden.ts';

const { INT32, INT64, STRING, DOUBLE, INVALID } = ValueType_Enum;

function goldenSnapshot(project: string, ...path: readonly string[]): RegistrySnapshot {
  return createRegistrySnapshot(registryFromBytes(readGolden(...path), 'registry'), project, 7);
}

/** A registry of project `p` with these objects. */
function registryOf(objects: MessageInitShape<typeof RegistrySchema>) {
  return create(RegistrySchema, { projects: [{ spec: { name: 'p' } }], ...objects });
}

const driver = { spec: { name: 'driver', project: 'p', joinKey: 'driver_id', valueType: INT64 } };

describe('createRegistrySnapshot', () => {
  describe('projects', () => {
    it('takes only the objects of the project that was asked for, under names that both have', () => {
      const first = goldenSnapshot('kitchen_sink', 'registry', 'two_projects', 'registry.db');
      const second = goldenSnapshot('second_project', 'registry', 'two_projects', 'registry.db');
      assert.deepEqual(first.projects, ['kitchen_sink', 'second_project']);
      assert.deepEqual(second.projects, first.projects);
      assert.deepEqual([...second.views.keys()], ['driver_stats']);
      assert.deepEqual(
        second.views.get('driver_stats')?.features.map((feature) => feature.name),
        ['other'],
      );
      assert.equal(first.views.get('driver_stats')?.features.length, 3);
      assert.deepEqual([...second.entities.keys()].sort(), ['__dummy', 'driver']);
      assert.deepEqual([...second.services.keys()], ['svc_all']);
      assert.deepEqual([...(second.views.get('driver_stats')?.versions.keys() ?? [])], [0]);
    });

    it('refuses a project that is not there and names those that are', () => {
      assert.throws(
        () => goldenSnapshot('third', 'registry', 'two_projects', 'registry.db'),
        (error) =>
          error instanceof RegistryError &&
          error.code === 'REGISTRY_PROJECT_MISSING' &&
          /"third".*"kitchen_sink", "second_project"/.test(error.message) &&
          /feast apply/.test(error.hint ?? ''),
      );
    });

    it('knows the projects of older registries, which have them in their metadata or on their objects', () => {
      const registry = create(RegistrySchema, {
        projectMetadata: [{ project: 'old' }],
        featureViews: [{ spec: { name: 'v', project: 'older' } }],
      });
      assert.deepEqual(createRegistrySnapshot(registry, 'old', 1).projects, ['old', 'older']);
    });

    it('carries the generation it was given, the version id and the time of the last apply', () => {
      const snapshot = goldenSnapshot('kitchen_sink', 'registry', 'two_projects', 'registry.db');
      assert.equal(snapshot.generation, 7);
      assert.equal(snapshot.versionId, '571f40e2-e3aa-4525-92c7-0d60b44892e0');
      assert.equal(new Date(snapshot.lastUpdated).toISOString(), '2026-11-21T13:04:48.099Z');
    });
  });

  describe('join keys', () => {
    it('resolves entities to join keys in declared order, with their types', () => {
      const view = goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink', 'registry.db').views.get(
        'unsorted_entities',
      );
      assert.deepEqual(view?.joinKeys, [
        { name: 'zone', entity: 'zone', valueType: INT32 },
        { name: 'driver_id', entity: 'driver', valueType: INT64 },
        { name: 'customer_id', entity: 'customer', valueType: STRING },
      ]);
    });

    it('gives a view without entities the dummy entity and its string key', () => {
      const dummy = [{ name: '__dummy_id', entity: '__dummy', valueType: STRING }];
      const golden = goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink', 'registry.db');
      assert.deepEqual(golden.views.get('entityless')?.joinKeys, dummy);
      assert.equal(golden.entities.get('__dummy')?.valueType, STRING);

      const bare = createRegistrySnapshot(
        registryOf({ featureViews: [{ spec: { name: 'v', project: 'p' } }] }),
        'p',
        1,
      );
      assert.deepEqual(bare.views.get('v')?.entities, ['__dummy']);
      assert.deepEqual(bare.views.get('v')?.joinKeys, dummy);
      assert.equal(bare.entities.get('__dummy')?.joinKey, '__dummy_id');
    });

    it('takes the type from the view, and from the entity where the view does not know it', () => {
      const spec = { project: 'p', entities: ['driver'] };
      const snapshot = createRegistrySnapshot(
        registryOf({
          entities: [driver],
          featureViews: [
            { spec: { ...spec, name: 'own', entityColumns: [{ name: 'driver_id', valueType: INT32 }] } },
            { spec: { ...spec, name: 'unknown', entityColumns: [{ name: 'driver_id', valueType: INVALID }] } },
            { spec: { ...spec, name: 'none' } },
          ],
        }),
        'p',
        1,
      );
      const types = ['own', 'unknown', 'none'].map((name) => snapshot.views.get(name)?.joinKeys[0]?.valueType);
      assert.deepEqual(types, [INT32, INT64, INT64]);
    });

    it('still knows the join key of an entity that was deleted, from the columns of the view', () => {
      const snapshot = createRegistrySnapshot(
        registryOf({
          featureViews: [
            {
              spec: {
                name: 'v',
                project: 'p',
                entities: ['gone'],
                entityColumns: [{ name: 'gone_id', valueType: INT64 }],
              },
            },
          ],
        }),
        'p',
        1,
      );
      assert.deepEqual(snapshot.views.get('v')?.joinKeys, [{ name: 'gone_id', entity: 'gone', valueType: INT64 }]);
    });

    it('leaves out a view whose entity cannot be resolved, says so, and serves the rest', () => {
      const warnings: string[] = [];
      const snapshot = createRegistrySnapshot(
        registryOf({
          entities: [driver],
          featureViews: [
            { spec: { name: 'broken', project: 'p', entities: ['driver', 'gone'] } },
            { spec: { name: 'whole', project: 'p', entities: ['driver'] } },
          ],
        }),
        'p',
        1,
        (warning) => warnings.push(warning),
      );
      assert.deepEqual([...snapshot.views.keys()], ['whole']);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', /"broken".*"gone"/);
    });

    it('leaves join keys out of features, where stream views list them', () => {
      const snapshot = goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink', 'registry.db');
      assert.deepEqual(
        snapshot.views.get('plain_stream')?.features.map((feature) => feature.name),
        ['trips'],
      );
    });
  });

  describe('views', () => {
    const snapshot = goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink', 'registry.db');

    it('have their kind, description, owner and tags', () => {
      const view = snapshot.views.get('stream_view');
      assert.equal(view?.kind, 'stream_feature_view');
      assert.equal(view.description, 'decorated');
      assert.equal(view.owner, 's@example.com');
      assert.deepEqual(view.tags, { stream: 'yes' });
      assert.deepEqual(snapshot.views.get('driver_stats')?.features[0]?.tags, { unit: 'ratio' });
      assert.equal(snapshot.views.get('driver_stats')?.features[0]?.description, 'Conversion rate');
    });

    it('say whether they are online', () => {
      const online = [...snapshot.views.values()].filter((view) => view.online).map((view) => view.name);
      assert.deepEqual(online.sort(), [
        'disabled',
        'documents',
        'driver_stats',
        'entityless',
        'odfv_stored',
        'offline_too',
        'plain_stream',
        'reviews',
        'stream_view',
        'unsorted_entities',
      ]);
    });

    it('name their push sources, whichever place those have in the view', () => {
      const sources = new Map([...snapshot.views.values()].map((view) => [view.name, view.pushSources]));
      assert.deepEqual(sources.get('driver_stats'), ['push_src']);
      assert.deepEqual(sources.get('plain_stream'), ['push_src']);
      assert.deepEqual(sources.get('reviews'), ['review_push']);
      assert.deepEqual(sources.get('stream_view'), []);
      assert.deepEqual(sources.get('documents'), []);
    });

    it('map source columns as the batch source does, or the one that a push source wraps', () => {
      const mapping = new Map([['rate', 'conv_rate']]);
      assert.deepEqual(new Map(snapshot.views.get('driver_stats')?.fieldMapping), mapping);
      assert.equal(snapshot.views.get('entityless')?.fieldMapping.size, 0);

      const push = {
        type: DataSource_SourceType.PUSH_SOURCE,
        name: 'push',
        batchSource: { type: DataSource_SourceType.BATCH_FILE, fieldMapping: { a: 'b' } },
      };
      const wrapped = createRegistrySnapshot(
        registryOf({
          featureViews: [
            { spec: { name: 'as_batch', project: 'p', batchSource: push } },
            { spec: { name: 'as_stream', project: 'p', streamSource: push } },
          ],
        }),
        'p',
        1,
      );
      for (const name of ['as_batch', 'as_stream']) {
        assert.deepEqual(wrapped.views.get(name)?.pushSources, ['push']);
        assert.deepEqual(new Map(wrapped.views.get(name)?.fieldMapping), new Map([['a', 'b']]));
      }
    });

    it('keep the fraction of a ttl', () => {
      const registry = registryOf({
        featureViews: [{ spec: { name: 'v', project: 'p', ttl: { seconds: 90n, nanos: 500_000_000 } } }],
      });
      assert.equal(createRegistrySnapshot(registry, 'p', 1).views.get('v')?.ttlSeconds, 90.5);
    });

    it('of one name: the first is kept and the other reported', () => {
      const warnings: string[] = [];
      const spec = { name: 'twice', project: 'p' };
      const registry = registryOf({ featureViews: [{ spec }], streamFeatureViews: [{ spec }] });
      const views = createRegistrySnapshot(registry, 'p', 1, (warning) => warnings.push(warning)).views;
      assert.equal(views.get('twice')?.kind, 'feature_view');
      assert.match(warnings.join(), /stream_feature_view "twice"/);
    });
  });

  describe('on-demand views', () => {
    const { views } = goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink', 'registry.db');

    it('are known by mode, sources and request columns', () => {
      const pandas = views.get('odfv_pandas')?.onDemand;
      assert.equal(pandas?.mode, 'pandas');
      assert.equal(pandas.writeToOnlineStore, false);
      assert.deepEqual(
        pandas.sourceProjections.map((source) => [source.viewName, source.features.map((feature) => feature.name)]),
        [['driver_stats', ['conv_rate', 'acc_rate', 'trips']]],
      );
      assert.deepEqual(
        pandas.requestColumns.map(({ name, valueType, description }) => [name, valueType, description]),
        [
          ['amount', DOUBLE, 'from the request'],
          ['items', ValueType_Enum.STRING_LIST, ''],
        ],
      );
      assert.equal(views.get('odfv_substrait')?.onDemand?.mode, 'substrait');
      assert.deepEqual(views.get('odfv_singleton')?.onDemand?.sourceProjections, []);
    });

    it('that are written to the online store have join keys and are online', () => {
      const stored = views.get('odfv_stored');
      assert.equal(stored?.onDemand?.writeToOnlineStore, true);
      assert.equal(stored.online, true);
      assert.deepEqual(
        stored.joinKeys.map((key) => key.name),
        ['driver_id'],
      );
    });

    it('of older registries name no mode and hold whole source views and a plain request schema', () => {
      const registry = registryOf({
        entities: [driver],
        featureViews: [{ spec: { name: 'v', project: 'p', entities: ['driver'] } }],
        onDemandFeatureViews: [
          {
            spec: {
              name: 'odfv',
              project: 'p',
              sources: {
                view: {
                  source: {
                    case: 'featureView',
                    value: { spec: { name: 'v', features: [{ name: 'f', valueType: DOUBLE }] } },
                  },
                },
                request: {
                  source: {
                    case: 'requestDataSource',
                    value: { options: { case: 'requestDataOptions', value: { deprecatedSchema: { x: INT64 } } } },
                  },
                },
              },
            },
          },
        ],
      });
      const onDemand = createRegistrySnapshot(registry, 'p', 1).views.get('odfv')?.onDemand;
      assert.equal(onDemand?.mode, 'pandas');
      assert.deepEqual(
        onDemand.sourceProjections[0]?.features.map((feature) => feature.name),
        ['f'],
      );
      assert.deepEqual(
        onDemand.requestColumns.map(({ name, valueType }) => [name, valueType]),
        [['x', INT64]],
      );
    });
  });

  describe('versions', () => {
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

  describe('services', () => {
    it('keep a projection of a view that was removed', () => {
      const registry = registryOf({
        featureServices: [
          {
            spec: { name: 's', project: 'p', features: [{ featureViewName: 'gone', featureColumns: [{ name: 'f' }] }] },
          },
        ],
      });
      const service = createRegistrySnapshot(registry, 'p', 1).services.get('s');
      assert.deepEqual(
        service?.projections.map(({ viewName, features }) => [viewName, features.length]),
        [['gone', 1]],
      );
    });

    it('say whether vectors are computed ahead', () => {
      const { services } = goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink', 'registry.db');
      assert.equal(services.get('svc_precomputed')?.precomputeOnline, true);
      assert.equal(services.get('svc_all')?.precomputeOnline, false);
      assert.deepEqual(services.get('svc_all')?.tags, { s: '1' });
    });
  });

  it('is frozen in every part, and its maps refuse to be changed', () => {
    const snapshot = goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink', 'registry.db');
    let maps = 0;
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      assert.ok(Object.isFrozen(value), `${path} is frozen`);
      if (value instanceof Map) {
        maps++;
        assert.throws(() => value.set('x', 1), TypeError, path);
        assert.throws(() => value.delete('x'), TypeError, path);
        assert.throws(() => value.clear(), TypeError, path);
        for (const [key, entry] of value) visit(entry, `${path}.${String(key)}`);
        return;
      }
      for (const [key, entry] of Object.entries(value)) visit(entry, `${path}.${key}`);
    };
    visit(snapshot, 'snapshot');
    assert.ok(maps > 10);
  });
});
