import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { DataSource_SourceType } from '../../gen/feast/core/DataSource_pb.ts';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { RegistryError } from '../../src/registry/registry-error.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { goldenSnapshot, registryOf } from '../support/registries.ts';

const { INT32, INT64, STRING, INVALID } = ValueType_Enum;

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
        batchSource: {
          type: DataSource_SourceType.BATCH_FILE,
          fieldMapping: { a: 'b' },
          timestampField: 'at',
          createdTimestampColumn: 'made',
        },
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
        assert.equal(wrapped.views.get(name)?.timestampField, 'at');
        assert.equal(wrapped.views.get(name)?.createdTimestampField, 'made');
      }
      assert.equal(snapshot.views.get('driver_stats')?.timestampField, 'event_timestamp');
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
