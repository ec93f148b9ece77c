import { type DescMessage, type JsonValue, type MessageShape, toJson } from '@bufbuild/protobuf';
import { DataSourceSchema } from '../../gen/feast/core/DataSource_pb.ts';
import { EntitySchema } from '../../gen/feast/core/Entity_pb.ts';
import { FeatureServiceSchema } from '../../gen/feast/core/FeatureService_pb.ts';
import { FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import { ProjectSchema } from '../../gen/feast/core/Project_pb.ts';
import type { Registry } from '../../gen/feast/core/Registry_pb.ts';
import type { ProjectDefinitions } from '../registry/project-definitions.ts';

/** What a registry holds of a project, of the kinds that definitions can write. */
export type ProjectObjects = Omit<ProjectDefinitions, 'project'> & {
  readonly project: ProjectDefinitions['project'] | undefined;
};

export function objectsOfProject(registry: Registry, project: string): ProjectObjects {
  return {
    project: registry.projects.find(({ spec }) => spec?.name === project),
    entities: registry.entities.filter(({ spec }) => spec?.project === project),
    dataSources: registry.dataSources.filter((source) => source.project === project),
    featureViews: registry.featureViews.filter(({ spec }) => spec?.project === project),
    featureServices: registry.featureServices.filter(({ spec }) => spec?.project === project),
  };
}

/** `feature view "driver_stats"`: names an object in messages, and among all. */
export type ObjectLabel = string;

/** Objects as canonical JSON, without what only says when and how often they were applied. */
export function comparableObjects(objects: ProjectObjects): ReadonlyMap<ObjectLabel, string> {
  return new Map([
    ...entries(
      'project',
      ProjectSchema,
      objects.project === undefined ? [] : [objects.project],
      ({ spec }) => spec?.name,
    ),
    ...entries('entity', EntitySchema, objects.entities, ({ spec }) => spec?.name),
    ...entries('source', DataSourceSchema, objects.dataSources, ({ name }) => name),
    ...entries('feature view', FeatureViewSchema, objects.featureViews, ({ spec }) => spec?.name),
    ...entries('feature service', FeatureServiceSchema, objects.featureServices, ({ spec }) => spec?.name),
  ]);
}

export function labelOf(kind: string, name: string): ObjectLabel {
  return `${kind} "${name}"`;
}

function entries<T extends DescMessage>(
  kind: string,
  schema: T,
  messages: readonly MessageShape<T>[],
  nameOf: (message: MessageShape<T>) => string | undefined,
): [ObjectLabel, string][] {
  return messages.map((message) => {
    return [labelOf(kind, nameOf(message) ?? ''), JSON.stringify(comparable(toJson(schema, message)))];
  });
}

/**
 * Keys in one order, and without those that may be missing or not with the same meaning: `meta`; the class of a source, which
 * Feast leaves out of a view that was applied again; `latest`, 0 s and `featureView`, which are what nothing means.
 */
function comparable(json: JsonValue): JsonValue {
  if (Array.isArray(json)) return json.map(comparable);
  if (typeof json !== 'object' || json === null) return json;
  const kept = Object.entries(json).filter(
    ([key, value]) =>
      key !== 'meta' &&
      key !== 'dataSourceClassType' &&
      !(key === 'version' && value === 'latest') &&
      !(key === 'ttl' && value === '0s') &&
      !(key === 'viewType' && value === 'featureView'),
  );
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, comparable(value)]));
}
