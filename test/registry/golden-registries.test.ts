import assert from 'node:assert/strict';
import { type DescMessage, fromBinary, type Message, toJson } from '@bufbuild/protobuf';
import { DataSourceSchema } from '../../gen/feast/core/DataSource_pb.ts';
import { EntitySchema } from '../../gen/feast/core/Entity_pb.ts';
import { FeatureServiceSchema } from '../../gen/feast/core/FeatureService_pb.ts';
import { FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import { LabelViewSchema } from '../../gen/feast/core/LabelView_pb.ts';
import { OnDemandFeatureViewSchema } from '../../gen/feast/core/OnDemandFeatureView_pb.ts';
import { PermissionSchema } from '../../gen/feast/core/Permission_pb.ts';
import { ProjectSchema } from '../../gen/feast/core/Project_pb.ts';
import { type Registry, RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { SavedDatasetSchema } from '../../gen/feast/core/SavedDataset_pb.ts';
import { StreamFeatureViewSchema } from '../../gen/feast/core/StreamFeatureView_pb.ts';
import { type ValueType_Enum, ValueType_EnumSchema } from '../../gen/feast/types/Value_pb.ts';
import { registryFromBytes } from '../../src/registry/registry-from-bytes.ts';
import type { FeatureViewKind, FeatureViewSpec } from '../../src/registry/registry-snapshot.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { goldenFolders, readGolden, readGoldenJson, readGoldenLines } from '../support/golden.ts';

const recorded = ['minimal', 'kitchen_sink', 'two_projects'];

/** `as_read_by_feast.json`: one project as Feast's own objects show it. */
interface ReadByFeast {
  readonly project: string;
  readonly projects: readonly string[];
  readonly entities: Readonly<Record<string, { readonly join_key: string; readonly value_type: string }>>;
  readonly feature_views: Readonly<Record<string, ViewReadByFeast>>;
  readonly services: Readonly<Record<string, readonly ProjectionReadByFeast[]>>;
}

interface ViewReadByFeast {
  readonly class: 'FeatureView' | 'StreamFeatureView' | 'OnDemandFeatureView' | 'LabelView';
  readonly join_keys: readonly string[];
  readonly entities: readonly string[];
  readonly features: readonly (readonly [name: string, type: string, valueType: string])[];
  readonly ttl_seconds: number | null;
  readonly version_number: number | null;
}

interface ProjectionReadByFeast {
  readonly view: string;
  readonly name_to_use: string;
  readonly features: readonly string[];
  readonly join_key_map: Readonly<Record<string, string>>;
  readonly version_tag: number | null;
}

interface RecordedObject {
  readonly kind: string;
  readonly name: string;
  readonly hex: string;
  readonly json: unknown;
}

const kindByClass: Readonly<Record<ViewReadByFeast['class'], FeatureViewKind>> = {
  FeatureView: 'feature_view',
  StreamFeatureView: 'stream_feature_view',
  OnDemandFeatureView: 'on_demand_feature_view',
  LabelView: 'label_view',
};

const schemaByKind = new Map<string, DescMessage>([
  ['project', ProjectSchema],
  ['entity', EntitySchema],
  ['data_source', DataSourceSchema],
  ['feature_view', FeatureViewSchema],
  ['stream_feature_view', StreamFeatureViewSchema],
  ['on_demand_feature_view', OnDemandFeatureViewSchema],
  ['label_view', LabelViewSchema],
  ['feature_service', FeatureServiceSchema],
  ['saved_dataset', SavedDatasetSchema],
  ['permission', PermissionSchema],
]);

describe('registries that Feast wrote', () => {
  for (const name of recorded) {
    describe(name, () => {
      const bytes = readGolden('registry', name, 'registry.db');

      it('parse to the JSON that protobuf shows for them', () => {
        const json = toJson(RegistrySchema, fromBinary(RegistrySchema, bytes));
        assert.deepEqual(json, readGoldenJson('registry', name, 'registry.json'));
      });

      it('hold each object with the JSON that was recorded for it', () => {
        const objects = readGoldenLines<RecordedObject>('registry', name, 'objects.jsonl');
        const inRegistry = serializedObjects(fromBinary(RegistrySchema, bytes));
        for (const object of objects) {
          const schema = schemaByKind.get(object.kind);
          assert.ok(schema, `no schema for ${object.kind}`);
          const message = fromBinary(schema, Buffer.from(object.hex, 'hex'));
          assert.deepEqual(toJson(schema, message), object.json, `${object.kind} ${object.name}`);
          assert.ok(inRegistry.has(serialized(schema, message)), `${object.kind} ${object.name} is in the registry`);
        }
        assert.equal(objects.length, inRegistry.size);
      });

      it('give the entities, views and services that Feast reads out of them', () => {
        const feast = readGoldenJson<ReadByFeast>('registry', name, 'as_read_by_feast.json');
        const warnings: string[] = [];
        const registry = registryFromBytes(bytes, 'registry');
        const snapshot = createRegistrySnapshot(registry, feast.project, 1, (warning) => warnings.push(warning));

        assert.deepEqual(warnings, []);
        assert.deepEqual([...snapshot.projects].sort(), feast.projects);
        const entities = [...snapshot.entities.values()]
          .filter((entity) => entity.name !== '__dummy')
          .map((entity) => [entity.name, { join_key: entity.joinKey, value_type: nameOfType(entity.valueType) }]);
        assert.deepEqual(Object.fromEntries(entities), feast.entities);
        assert.deepEqual([...snapshot.views.keys()].sort(), Object.keys(feast.feature_views).sort());
        for (const view of snapshot.views.values()) assertViewAsReadByFeast(view, feast.feature_views[view.name]);
        const services = [...snapshot.services.values()].map((service) => [
          service.name,
          service.projections.map((projection) => ({
            view: projection.viewName,
            name_to_use: projection.alias,
            features: projection.features.map((feature) => feature.name),
            join_key_map: Object.fromEntries(projection.joinKeyMap),
            version_tag: projection.version ?? null,
          })),
        ]);
        assert.deepEqual(Object.fromEntries(services), feast.services);
      });
    });
  }

  for (const store of ['redis', 'sqlite']) {
    for (const repo of goldenFolders(store)) {
      it(`load for the ${store} project "${repo}" and agree with their own entity columns`, () => {
        const registry = registryFromBytes(readGolden(store, repo, 'repo', 'data', 'registry.db'), 'registry');
        const project = registry.projects[0]?.spec?.name ?? '';
        const warnings: string[] = [];
        const snapshot = createRegistrySnapshot(registry, project, 1, (warning) => warnings.push(warning));

        assert.deepEqual(warnings, []);
        const specs = [
          registry.featureViews,
          registry.streamFeatureViews,
          registry.onDemandFeatureViews,
          registry.labelViews,
        ]
          .flat()
          .flatMap((proto) => (proto.spec === undefined ? [] : [proto.spec]));
        assert.equal(snapshot.views.size, specs.length);
        assert.equal(snapshot.services.size, registry.featureServices.length);
        for (const spec of specs) {
          const view = snapshot.views.get(spec.name);
          assert.ok(view);
          assert.deepEqual(view.entities, spec.entities);
          assert.deepEqual(
            view.joinKeys.map((key) => [key.name, key.valueType]),
            spec.entityColumns.map((column) => [column.name, column.valueType]),
          );
          const columns = new Set(spec.entityColumns.map((column) => column.name));
          assert.deepEqual(
            view.features.map((feature) => [feature.name, feature.valueType]),
            spec.features
              .filter((feature) => !columns.has(feature.name))
              .map((feature) => [feature.name, feature.valueType]),
          );
          if ('ttl' in spec) assert.equal(view.ttlSeconds, Number(spec.ttl?.seconds ?? 0n));
        }
      });
    }
  }
});

function assertViewAsReadByFeast(view: FeatureViewSpec, feast: ViewReadByFeast | undefined): void {
  assert.ok(feast, view.name);
  const label = `view ${view.name}`;
  assert.equal(view.kind, kindByClass[feast.class], label);
  // Feast shows a view without entities as having none; the registry and the store know it under `__dummy`.
  assert.deepEqual(view.entities, feast.entities.length === 0 ? ['__dummy'] : feast.entities, label);
  const joinKeys = view.joinKeys.map((key) => key.name);
  assert.deepEqual(joinKeys, feast.join_keys.length === 0 ? ['__dummy_id'] : feast.join_keys, label);
  assert.deepEqual(
    view.features.map((feature) => [feature.name, nameOfType(feature.valueType)]),
    feast.features.filter(([name]) => !joinKeys.includes(name)).map(([name, , valueType]) => [name, valueType]),
    label,
  );
  assert.equal(view.ttlSeconds, feast.ttl_seconds ?? 0, label);
  assert.equal(view.currentVersion, feast.version_number ?? 0, label);
}

function nameOfType(type: ValueType_Enum): string | undefined {
  return ValueType_EnumSchema.value[type]?.name;
}

function serializedObjects(registry: Registry): ReadonlySet<string> {
  return new Set([
    ...registry.projects.map((message) => serialized(ProjectSchema, message)),
    ...registry.entities.map((message) => serialized(EntitySchema, message)),
    ...registry.dataSources.map((message) => serialized(DataSourceSchema, message)),
    ...registry.featureViews.map((message) => serialized(FeatureViewSchema, message)),
    ...registry.streamFeatureViews.map((message) => serialized(StreamFeatureViewSchema, message)),
    ...registry.onDemandFeatureViews.map((message) => serialized(OnDemandFeatureViewSchema, message)),
    ...registry.labelViews.map((message) => serialized(LabelViewSchema, message)),
    ...registry.featureServices.map((message) => serialized(FeatureServiceSchema, message)),
    ...registry.savedDatasets.map((message) => serialized(SavedDatasetSchema, message)),
    ...registry.permissions.map((message) => serialized(PermissionSchema, message)),
  ]);
}

/** Comparable text of a message: map entries are in no order of their own, JSON with sorted keys is. */
function serialized(schema: DescMessage, message: Message): string {
  return `${schema.typeName} ${JSON.stringify(sorted(toJson(schema, message)))}`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, entry]) => [key, sorted(entry)]),
  );
}
