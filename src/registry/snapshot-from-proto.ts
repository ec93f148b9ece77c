import type { Registry } from '../../gen/feast/core/Registry_pb.ts';
import { dummyEntity } from './dummy-entity.ts';
import { ImmutableMap } from './immutable-map.ts';
import { atOnce, type Steps } from './in-turns.ts';
import { onDemandViewFromProto } from './on-demand-view-from-proto.ts';
import { permissionFromProto } from './permission-from-proto.ts';
import { serviceFromProto } from './projection-from-proto.ts';
import { RegistryError } from './registry-error.ts';
import type { EntitySpec, FeatureServiceSpec, FeatureViewSpec, RegistrySnapshot } from './registry-snapshot.ts';
import { versionHistorySteps } from './version-history.ts';
import {
  entityFromProto,
  featureViewFromProto,
  labelViewFromProto,
  streamViewFromProto,
  type ViewContext,
} from './view-from-proto.ts';

/**
 * Resolves the objects of one project into an immutable snapshot. Data sources are read only through the views that
 * use them; saved datasets, infrastructure and whatever a newer Feast adds are ignored.
 *
 * `warn` is told about each object that cannot be used and is left out; the rest is served.
 *
 * @throws RegistryError `REGISTRY_PROJECT_MISSING`, naming the projects that are there.
 */
export function createRegistrySnapshot(
  registry: Registry,
  project: string,
  generation: number,
  warn?: (message: string) => void,
): RegistrySnapshot {
  return atOnce(registrySnapshotSteps(registry, project, generation, warn));
}

/** {@link createRegistrySnapshot} in steps. */
export function* registrySnapshotSteps(
  registry: Registry,
  project: string,
  generation: number,
  warn: (message: string) => void = () => {},
): Steps<RegistrySnapshot> {
  const projects = projectsOf(registry);
  if (!projects.includes(project)) throw projectMissing(project, projects);
  const entities = entitiesOf(registry, project);
  const views = yield* viewsOf(registry, project, entities, warn);
  return Object.freeze({
    project,
    projects: Object.freeze(projects),
    generation,
    versionId: registry.versionId,
    lastUpdated: millisecondsFromTimestamp(registry.lastUpdated),
    entities,
    views,
    services: yield* servicesOf(registry, project, views),
    permissions: Object.freeze(
      registry.permissions
        .filter(({ spec }) => spec?.project === project)
        .map((permission) => permissionFromProto(permission, warn)),
    ),
  });
}

/** Registries of before Feast had projects name them in their metadata, or only on each object. */
function projectsOf(registry: Registry): string[] {
  const names = new Set<string>();
  for (const project of registry.projects) names.add(project.spec?.name ?? '');
  for (const metadata of registry.projectMetadata) names.add(metadata.project);
  for (const objects of [
    registry.entities,
    registry.featureViews,
    registry.streamFeatureViews,
    registry.onDemandFeatureViews,
    registry.labelViews,
    registry.featureServices,
  ]) {
    for (const object of objects) names.add(object.spec?.project ?? '');
  }
  names.delete('');
  return [...names];
}

function projectMissing(project: string, projects: readonly string[]): RegistryError {
  const present = projects.length === 0 ? 'no project at all' : projects.map((name) => `"${name}"`).join(', ');
  return new RegistryError(
    'REGISTRY_PROJECT_MISSING',
    `The registry does not hold project "${project}", only ${present}.`,
    {
      hint: 'Correct `project` in feature_store.yaml, or apply that project to this registry (`sideboard apply` or `feast apply`).',
    },
  );
}

function entitiesOf(registry: Registry, project: string): ReadonlyMap<string, EntitySpec> {
  const entities = new Map<string, EntitySpec>();
  for (const proto of registry.entities) {
    const entity = proto.spec?.project === project ? entityFromProto(proto) : undefined;
    if (entity !== undefined) entities.set(entity.name, entity);
  }
  if (!entities.has(dummyEntity.name)) entities.set(dummyEntity.name, dummyEntity);
  return new ImmutableMap(entities);
}

function* viewsOf(
  registry: Registry,
  project: string,
  entities: ReadonlyMap<string, EntitySpec>,
  warn: (message: string) => void,
): Steps<ReadonlyMap<string, FeatureViewSpec>> {
  const records = registry.featureViewVersionHistory?.records ?? [];
  const versions = yield* versionHistorySteps(records, project, { entities, versions: new Map(), warn });
  const context: ViewContext = { entities, versions, warn };
  const views = new Map<string, FeatureViewSpec>();
  const add = (view: FeatureViewSpec | undefined): void => {
    if (view === undefined) return;
    const other = views.get(view.name);
    // Feast's apply refuses it; a registry that was put together otherwise may hold it.
    if (other === undefined) views.set(view.name, view);
    else warn(`The ${view.kind} "${view.name}" is left out: a ${other.kind} has the same name.`);
  };
  const ofProject = (proto: { readonly spec?: { readonly project: string } | undefined }): boolean =>
    proto.spec?.project === project;
  for (const proto of registry.featureViews.filter(ofProject)) {
    add(featureViewFromProto(proto, context));
    yield;
  }
  for (const proto of registry.streamFeatureViews.filter(ofProject)) {
    add(streamViewFromProto(proto, context));
    yield;
  }
  for (const proto of registry.labelViews.filter(ofProject)) {
    add(labelViewFromProto(proto, context));
    yield;
  }
  for (const proto of registry.onDemandFeatureViews.filter(ofProject)) {
    add(onDemandViewFromProto(proto, context, views));
    yield;
  }
  return new ImmutableMap(views);
}

function* servicesOf(
  registry: Registry,
  project: string,
  views: ReadonlyMap<string, FeatureViewSpec>,
): Steps<ReadonlyMap<string, FeatureServiceSpec>> {
  const services = new Map<string, FeatureServiceSpec>();
  for (const proto of registry.featureServices) {
    const service = proto.spec?.project === project ? serviceFromProto(proto, views) : undefined;
    if (service !== undefined) services.set(service.name, service);
    yield;
  }
  return new ImmutableMap(services);
}

function millisecondsFromTimestamp(
  timestamp: { readonly seconds: bigint; readonly nanos: number } | undefined,
): number {
  return timestamp === undefined ? 0 : Number(timestamp.seconds) * 1000 + Math.floor(timestamp.nanos / 1e6);
}
