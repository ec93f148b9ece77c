import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { FeatureSpecV2Schema } from '../../../gen/feast/core/Feature_pb.ts';
import { InfraObjectSchema } from '../../../gen/feast/core/InfraObject_pb.ts';
import { ProjectSchema } from '../../../gen/feast/core/Project_pb.ts';
import { type Registry, RegistrySchema } from '../../../gen/feast/core/Registry_pb.ts';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import type { ProjectDefinitions } from '../../../src/registry/project-definitions.ts';
import { planDefinitions } from '../../../src/registry/writing/plan-definitions.ts';
import type { PlannedChange, RegistryPlan } from '../../../src/registry/writing/registry-plan.ts';
import { comparableRegistry } from '../../support/comparable-registry.ts';
import { definitionsOfRegistry } from '../../support/definitions-of-registry.ts';
import { readGolden } from '../../support/golden.ts';
import { hasRegistryCode } from '../../support/registry-source-suite.ts';

const goldens: readonly (readonly [project: string, sqlitePath: string | undefined, ...path: string[]])[] = [
  ['minimal', 'data/online_store.db', 'registry', 'minimal', 'registry.db'],
  ['kitchen_sink', 'data/online_store.db', 'registry', 'kitchen_sink', 'registry.db'],
  ...['composite', 'extras', 'multiview', 'simple', 'ttl', 'types'].map(
    (name) => ['', undefined, 'redis', name, 'repo', 'data', 'registry.db'] as [string, undefined, ...string[]],
  ),
];

const plan = (registry: Uint8Array | undefined, definitions: ProjectDefinitions, sqlitePath?: string): RegistryPlan =>
  planDefinitions({
    registry,
    source: 'registry file r.db',
    definitions,
    ...(sqlitePath === undefined ? {} : { sqlitePath }),
  });

describe('what is planned for a registry', () => {
  for (const [named, sqlitePath, ...path] of goldens) {
    const golden = () => fromBinary(RegistrySchema, readGolden(...path));
    const label = path.slice(0, 2).join('/');
    const project = named === '' ? (golden().projects[0]?.spec?.name ?? '') : named;

    it(`is what Feast recorded, where there was none: ${label}`, () => {
      const definitions = definitionsOfRegistry(golden(), project);
      const { bytes, changes } = plan(undefined, definitions, sqlitePath);
      assert.ok(bytes !== undefined);
      assert.ok(changes.every(({ action }) => action === 'create'));
      assert.deepEqual(
        comparableRegistry(fromBinary(RegistrySchema, bytes)),
        comparableRegistry(onlyDefined(golden())),
      );
    });

    it(`is nothing, where that is what it holds: ${label}`, () => {
      const definitions = definitionsOfRegistry(golden(), project);
      assert.deepEqual(plan(readGolden(...path), definitions, sqlitePath).changes, []);
      assert.equal(plan(readGolden(...path), definitions, sqlitePath).bytes, undefined);
      const { bytes } = plan(undefined, definitions, sqlitePath);
      assert.equal(plan(bytes, definitions, sqlitePath).bytes, undefined);
    });
  }
});

/** Definitions of the recorded project `kitchen_sink`, for a test to change. */
function kitchenSink(): { registry: Uint8Array; definitions: ProjectDefinitions } {
  const registry = readGolden('registry', 'kitchen_sink', 'registry.db');
  return { registry, definitions: definitionsOfRegistry(fromBinary(RegistrySchema, registry), 'kitchen_sink') };
}

const line = ({ action, kind, name }: PlannedChange): string => `${action} ${kind} ${name}`;
const fieldsOf = (changes: readonly PlannedChange[]): readonly string[] =>
  changes.flatMap(({ name, fields }) => fields.map(({ field, from, to }) => `${name} ${field}: ${from} -> ${to}`));

describe('a plan of changes', () => {
  it('names every field that differs, old and new, and a copy of a source by its name', () => {
    const { registry, definitions } = kitchenSink();
    const { project, entities, dataSources, featureViews, featureServices } = named(definitions);
    project.description = 'all of it';
    const driver = entities('driver');
    driver.tags = { team: 'b' };
    driver.joinKey = 'driver_key';
    const source = dataSources('driver_src');
    assert.ok(source.options.case === 'fileOptions');
    source.options.value.uri = 'data/other.parquet';
    source.fieldMapping = {};
    const view = featureViews('driver_stats');
    view.ttl = create(DurationSchema, { seconds: 60n });
    view.owner = 'c@example.com';
    view.online = false;
    const [rate, accuracy] = view.features;
    assert.ok(rate !== undefined && accuracy !== undefined);
    rate.valueType = ValueType_Enum.STRING;
    rate.tags = {};
    view.features = [create(FeatureSpecV2Schema, { name: 'added', valueType: ValueType_Enum.INT64 }), rate];
    assert.ok(view.batchSource?.options.case === 'fileOptions');
    view.batchSource.options.value.uri = 'data/other.parquet';
    const service = featureServices('svc_subset');
    service.precomputeOnline = true;
    const { changes, bytes } = plan(registry, definitions);
    assert.deepEqual(changes.map(line), [
      'change project kitchen_sink',
      'change entity driver',
      'change data source driver_src',
      'change feature view driver_stats',
      'change feature service svc_subset',
    ]);
    const fields = fieldsOf(changes);
    for (const expected of [
      'kitchen_sink description: Everything the registry can hold -> all of it',
      'driver tags.team: undefined -> b',
      'driver join_key: driver_id -> driver_key',
      'driver_src field_mapping.rate: conv_rate -> undefined',
      'driver_src file_options.uri: data/driver.parquet -> data/other.parquet',
      'driver_stats online: true -> false',
      'driver_stats features.conv_rate.value_type: FLOAT -> STRING',
      'driver_stats features.conv_rate.tags.unit: ratio -> undefined',
      'driver_stats features.added: undefined -> INT64',
      'driver_stats features.acc_rate: DOUBLE -> undefined',
      'driver_stats batch_source: driver_src -> driver_src (changed)',
      'svc_subset precompute_online: false -> true',
    ]) {
      assert.ok(fields.includes(expected), `${expected}\nis none of\n${fields.join('\n')}`);
    }
    assert.ok(fields.some((field) => /^driver_stats ttl: \d+s -> 60s$/.test(field)));
    assert.equal(changes.at(3)?.version, 1);
    assert.equal(plan(bytes, definitions).bytes, undefined);
  });

  it('keeps when an object was made, and touches the times of what changes alone', () => {
    const { registry, definitions } = kitchenSink();
    named(definitions).featureViews('driver_stats').description = 'new';
    const now = create(TimestampSchema, { seconds: 4_000_000_000n });
    const { bytes } = planDefinitions({ registry, source: 'r', definitions, now });
    const [before, after] = [fromBinary(RegistrySchema, registry), fromBinary(RegistrySchema, bytes ?? registry)];
    assert.equal(after.lastUpdated?.seconds, now.seconds);
    assert.match(after.versionId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(after.versionId, before.versionId);
    const meta = (from: Registry) => from.featureViews.find(({ spec }) => spec?.name === 'driver_stats')?.meta;
    assert.deepEqual(meta(after)?.createdTimestamp, meta(before)?.createdTimestamp);
    assert.deepEqual(meta(after)?.materializationIntervals, meta(before)?.materializationIntervals);
    assert.equal(meta(after)?.state, meta(before)?.state);
    assert.equal(meta(after)?.lastUpdatedTimestamp?.seconds, now.seconds);
    const others = (from: Registry) => from.featureViews.filter(({ spec }) => spec?.name !== 'driver_stats');
    assert.deepEqual(others(after), others(before));
    assert.deepEqual(after.entities, before.entities);
    assert.deepEqual(after.dataSources, before.dataSources);
  });

  it('keeps the bytes of other projects, of kinds that definitions do not know, and of fields of a later Feast', () => {
    const recorded = fromBinary(RegistrySchema, readGolden('registry', 'two_projects', 'registry.db'));
    const [first = '', second = ''] = recorded.projects.map(({ spec }) => spec?.name ?? '');
    const later = { no: 900, wireType: 2, data: Buffer.from('\x05later') };
    recorded.$unknown = [later];
    const own = recorded.featureViews.find(({ spec }) => spec?.project === first);
    assert.ok(own?.spec !== undefined && own.meta !== undefined);
    for (const message of [own, own.spec, own.meta]) message.$unknown = [later];
    const definitions = definitionsOfRegistry(recorded, first);
    named(definitions).featureViews(own.spec.name).description = 'new';
    const before = toBinary(RegistrySchema, recorded);
    const { bytes, changes } = plan(before, definitions);
    assert.deepEqual(changes.map(line), [`change feature view ${own.spec.name}`]);
    assert.ok(bytes !== undefined);
    const [old, young] = [fieldsOfBytes(before), fieldsOfBytes(bytes)];
    // Version id, time, and the one view.
    assert.equal(old.filter((field, index) => field !== young[index]).length, 3);
    assert.equal(young.length, old.length);
    const after = fromBinary(RegistrySchema, bytes);
    const view = after.featureViews.find(({ spec }) => spec?.name === own.spec?.name && spec?.project === first);
    for (const message of [after, view, view?.spec, view?.meta]) assert.equal(message?.$unknown?.[0]?.no, 900);
    assert.deepEqual(definitionsOfRegistry(after, second), definitionsOfRegistry(recorded, second));
  });

  it('deletes what definitions no longer name, with its versions', () => {
    const { registry, definitions } = kitchenSink();
    const featureViews = definitions.featureViews.filter(({ spec }) => spec?.name !== 'documents');
    const entities = definitions.entities.filter(({ spec }) => spec?.name !== 'customer');
    const { changes, bytes, notes } = plan(registry, { ...definitions, featureViews, entities });
    assert.deepEqual(changes.map(line), ['delete feature view documents']);
    assert.ok(
      notes.some((note) => /^The entity "customer" is kept: the .+ uses it\.$/.test(note)),
      notes.join('\n'),
    );
    const after = fromBinary(RegistrySchema, bytes ?? registry);
    assert.ok(!after.featureViews.some(({ spec }) => spec?.name === 'documents'));
    assert.ok(!after.featureViewVersionHistory?.records.some(({ featureViewName }) => featureViewName === 'documents'));
    assert.ok(after.featureViewVersionHistory?.records.some(({ featureViewName }) => featureViewName === 'all_types'));
  });

  it('deletes all of a project that only definitions know, and never the entity of views without one', () => {
    const registry = readGolden('registry', 'minimal', 'registry.db');
    const { project } = definitionsOfRegistry(fromBinary(RegistrySchema, registry), 'minimal');
    const nothing = { project, entities: [], dataSources: [], featureViews: [], featureServices: [] };
    const { changes, bytes } = plan(registry, nothing, 'data/online_store.db');
    assert.deepEqual(changes.map(line), ['delete entity e', 'delete data source s', 'delete feature view fv']);
    const after = fromBinary(RegistrySchema, bytes ?? registry);
    assert.deepEqual(
      after.entities.map(({ spec }) => spec?.name),
      ['__dummy'],
    );
    assert.deepEqual(after.infra?.infraObjects, []);
    assert.equal(plan(bytes, nothing).bytes, undefined);
  });

  it('leaves alone what only Feast can make, with what it uses, and says so', () => {
    const { registry, definitions } = kitchenSink();
    const { notes, changes } = plan(registry, { ...definitions, featureServices: [] });
    for (const what of [
      'on-demand feature view "odfv_pandas"',
      'stream feature view "stream_view"',
      'label view "reviews"',
      'feature service "svc_all"',
    ]) {
      assert.ok(notes.includes(`The ${what} was made with Feast and is left alone.`), notes.join('\n'));
    }
    assert.ok(changes.some((change) => line(change) === 'delete feature service svc_subset'));
    assert.ok(!changes.some(({ name }) => name === 'svc_all'));
  });

  it('refuses to delete what such an object reads, and a name that one has', () => {
    const { registry, definitions } = kitchenSink();
    const featureViews = definitions.featureViews.filter(({ spec }) => spec?.name !== 'driver_stats');
    assert.throws(
      () => plan(registry, { ...definitions, featureViews }),
      hasRegistryCode('REGISTRY_PLAN_REFUSED', /no longer have the feature view "driver_stats", which the .+ reads/),
    );
    named(definitions).featureViews('documents').name = 'odfv_pandas';
    assert.throws(
      () => plan(registry, definitions),
      hasRegistryCode(
        'REGISTRY_PLAN_REFUSED',
        /"odfv_pandas"; in the registry that is the name of its on-demand feature view/,
      ),
    );
  });

  it('is kept apart from those of tables of another project with a longer name', () => {
    const registry = fromBinary(RegistrySchema, readGolden('registry', 'minimal', 'registry.db'));
    const definitions = definitionsOfRegistry(registry, 'minimal');
    const other = create(InfraObjectSchema, {
      infraObjectClassType: 'feast.infra.online_stores.sqlite.SqliteTable',
      infraObject: { case: 'sqliteTable', value: { path: 'x.db', name: 'minimal_two_fv' } },
    });
    registry.infra?.infraObjects.push(other);
    registry.projects.push(create(ProjectSchema, { spec: { name: 'minimal_two' } }));
    const view = named(definitions).featureViews('fv');
    view.name = 'renamed';
    const { bytes } = plan(toBinary(RegistrySchema, registry), definitions, '/elsewhere/o.db');
    const tables = fromBinary(RegistrySchema, bytes ?? new Uint8Array()).infra?.infraObjects.map(({ infraObject }) =>
      infraObject.case === 'sqliteTable' ? `${infraObject.value.path} ${infraObject.value.name}` : '',
    );
    assert.deepEqual(tables, ['x.db minimal_two_fv', '/elsewhere/o.db minimal_renamed']);
  });
});

/** The specs of definitions by name, to be changed in place. */
function named(definitions: ProjectDefinitions) {
  const of =
    <T extends { name: string }>(objects: readonly { readonly spec?: T | undefined }[]) =>
    (name: string): T => {
      const spec = objects.find((object) => object.spec?.name === name)?.spec;
      assert.ok(spec !== undefined, name);
      return spec;
    };
  assert.ok(definitions.project.spec !== undefined);
  return {
    project: definitions.project.spec,
    entities: of(definitions.entities),
    dataSources: of(definitions.dataSources.map((spec) => ({ spec }))),
    featureViews: of(definitions.featureViews),
    featureServices: of(definitions.featureServices),
  };
}

function fieldsOfBytes(bytes: Uint8Array): readonly string[] {
  const reader = new BinaryReader(bytes);
  const fields: string[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    reader.skip(wireType, number);
    fields.push(Buffer.from(bytes.subarray(start, reader.pos)).toString('base64'));
  }
  return fields;
}

/** The registry without what definitions cannot say. */
function onlyDefined(registry: Registry): Registry {
  registry.onDemandFeatureViews = [];
  registry.streamFeatureViews = [];
  registry.labelViews = [];
  registry.permissions = [];
  registry.savedDatasets = [];
  registry.validationReferences = [];
  const views = new Set(registry.featureViews.map(({ spec }) => spec?.name));
  const history = registry.featureViewVersionHistory;
  if (history !== undefined) history.records = history.records.filter((record) => views.has(record.featureViewName));
  if (registry.infra !== undefined) {
    registry.infra.infraObjects = registry.infra.infraObjects.filter(
      ({ infraObject }) =>
        infraObject.case === 'sqliteTable' && [...views].some((view) => infraObject.value.name.endsWith(`_${view}`)),
    );
  }
  // What was loaded into it since it was applied.
  for (const { meta } of registry.featureViews) {
    if (meta === undefined) continue;
    meta.materializationIntervals = [];
    meta.state = 0;
  }
  return registry;
}
