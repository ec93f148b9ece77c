import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DescMessage, fromBinary, type JsonValue, type MessageShape, toJson } from '@bufbuild/protobuf';
import { DataSourceSchema } from '../../gen/feast/core/DataSource_pb.ts';
import { EntitySchema } from '../../gen/feast/core/Entity_pb.ts';
import { FeatureServiceSchema } from '../../gen/feast/core/FeatureService_pb.ts';
import { FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import { ProjectSchema } from '../../gen/feast/core/Project_pb.ts';
import { type Registry, RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import type { DefinitionsText } from '../../src/definitions/definition-files.ts';
import type { ProjectDefinitions } from '../../src/registry/project-definitions.ts';
import { readGolden } from './golden.ts';
import { projectRoot } from './project-root.ts';

/** A definition in YAML of a recorded Feast project, and the registry that Feast made of its definitions.py. */
export interface Twin {
  readonly name: string;
  readonly project: string;
  /** The registry's path below test/golden. */
  readonly registry: readonly string[];
}

export const twins: readonly Twin[] = [
  ...(
    [
      ['simple', 'driver_ranking'],
      ['composite', 'rides'],
      ['multiview', 'shop'],
      ['ttl', 'fraud'],
      ['evolve', 'catalog'],
      ['types', 'alltypes'],
      ['versioned', 'accounts'],
    ] as const
  ).map(([name, project]) => ({ name, project, registry: ['redis', name, 'repo', 'data', 'registry.db'] })),
  { name: 'minimal', project: 'minimal', registry: ['registry', 'minimal', 'registry.db'] },
  { name: 'kitchen_sink', project: 'kitchen_sink', registry: ['registry', 'kitchen_sink', 'registry.db'] },
];

export function twinText({ name }: Twin): DefinitionsText {
  const file = `${name}.yaml`;
  return { file, text: readFileSync(join(projectRoot, 'test', 'definitions', 'twins', file), 'utf8') };
}

export function twinRegistry({ registry }: Twin): Registry {
  return fromBinary(RegistrySchema, readGolden(...registry));
}

/** Objects of a registry by kind and name, as canonical JSON without times. */
export type PlainObjects = ReadonlyMap<string, JsonValue>;

/** What a project of a registry consists of, as far as definitions in YAML can say it. */
export function plainRegistry(registry: Registry, project: string): PlainObjects {
  return plainObjects({
    projects: registry.projects.filter(({ spec }) => spec?.name === project),
    entities: registry.entities.filter(({ spec }) => spec?.project === project),
    dataSources: registry.dataSources.filter((source) => source.project === project),
    featureViews: registry.featureViews.filter(({ spec }) => spec?.project === project),
    featureServices: registry.featureServices.filter(({ spec }) => spec?.project === project),
  });
}

export function plainDefinitions({ project, ...rest }: ProjectDefinitions): PlainObjects {
  return plainObjects({ projects: [project], ...rest });
}

function plainObjects(
  objects: Omit<ProjectDefinitions, 'project'> & { readonly projects: readonly ProjectDefinitions['project'][] },
): PlainObjects {
  return new Map([
    ...entries('project', ProjectSchema, objects.projects, ({ spec }) => spec?.name),
    ...entries('entity', EntitySchema, objects.entities, ({ spec }) => spec?.name),
    ...entries('source', DataSourceSchema, objects.dataSources, ({ name }) => name),
    ...entries('view', FeatureViewSchema, objects.featureViews, ({ spec }) => spec?.name),
    ...entries('service', FeatureServiceSchema, objects.featureServices, ({ spec }) => spec?.name),
  ]);
}

function entries<T extends DescMessage>(
  kind: string,
  schema: T,
  messages: readonly MessageShape<T>[],
  nameOf: (message: MessageShape<T>) => string | undefined,
): [string, JsonValue][] {
  return messages.map((message) => [`${kind} ${nameOf(message)}`, withoutMeta(toJson(schema, message))]);
}

/** `meta` says when an object was applied, and how often: it is the registry's. */
function withoutMeta(json: JsonValue): JsonValue {
  if (Array.isArray(json)) return json.map(withoutMeta);
  if (typeof json !== 'object' || json === null) return json;
  const kept = Object.entries(json).filter(([key]) => key !== 'meta');
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutMeta(value)]));
}
