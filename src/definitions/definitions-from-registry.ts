import type { z } from 'zod';
import type { Registry } from '../../gen/feast/core/Registry_pb.ts';
import { dummyEntity } from '../registry/dummy-entity.ts';
import { DefinitionsError } from './definitions-error.ts';
import {
  entityDefinition,
  projectDefinition,
  serviceDefinition,
  sourceDefinition,
  viewDefinition,
} from './definitions-from-objects.ts';
import type { definitionsSchema } from './definitions-schema.ts';
import { definitionsText } from './definitions-text.ts';
import { definitionsFromTexts } from './load-definitions.ts';
import {
  comparableObjects,
  labelOf,
  type ObjectLabel,
  objectsOfProject,
  type ProjectObjects,
} from './registry-objects.ts';

export interface WrittenDefinitions {
  /** A file of definitions in YAML. */
  readonly text: string;
  /** What the project has besides, with the reason why it is not in the text, as sentences. */
  readonly leftOut: readonly string[];
}

type Document = z.input<typeof definitionsSchema>;
type Section = Exclude<keyof Document, 'project'>;

const KINDS: Readonly<Record<Section, string>> = {
  entities: 'entity',
  sources: 'source',
  feature_views: 'feature view',
  feature_services: 'feature service',
};

/**
 * Writes a project of a registry as definitions in YAML. What they cannot say, or not exactly, is left out and told: every object
 * of the text, read back, is the object of the registry.
 */
export function definitionsFromRegistry(registry: Registry, project: string): WrittenDefinitions {
  const objects = objectsOfProject(registry, project);
  const expected = comparableObjects(objects);
  const reasons = new Map<ObjectLabel, string>();
  const whole = documentOf(objects, reasons);
  for (;;) {
    const document = without(whole, reasons);
    const before = reasons.size;
    const text = definitionsText(document);
    try {
      const read = definitionsFromTexts([{ file: '', text }], { name: project }, { env: {}, registry });
      for (const [label, json] of comparableObjects(read)) {
        // The text cannot leave the project out, nor the entity that every registry holds.
        if (label === labelOf('project', project) || label === labelOf('entity', dummyEntity.name)) continue;
        if (json !== expected.get(label))
          reasons.set(label, 'definitions in YAML cannot say all that the registry has of it');
      }
    } catch (error) {
      if (!(error instanceof DefinitionsError)) throw error;
      for (const { key, problem } of error.violations) leaveOut(document, key, problem, reasons);
      if (reasons.size === before) throw error;
    }
    if (reasons.size === before) {
      return { text, leftOut: [...toldReasons(reasons), ...otherKinds(registry, project)] };
    }
  }
}

function documentOf(objects: ProjectObjects, reasons: Map<ObjectLabel, string>): Required<Document> {
  const written = <M, W>(
    kind: string,
    messages: readonly M[],
    nameOf: (m: M) => string,
    write: (m: M) => W | undefined,
  ) =>
    messages.flatMap((message) => {
      const definition = write(message);
      if (definition === undefined)
        reasons.set(labelOf(kind, nameOf(message)), `definitions in YAML have no ${kind} of its type`);
      return definition === undefined ? [] : [definition];
    });
  const bySpecName = (message: { readonly spec?: { readonly name: string } | undefined }): string =>
    message.spec?.name ?? '';
  const entities = new Map(objects.entities.map((entity) => [bySpecName(entity), entity]));
  const views = new Map(objects.featureViews.map((view) => [bySpecName(view), view]));
  const ownEntities = objects.entities.filter((entity) => bySpecName(entity) !== dummyEntity.name);
  return {
    project: objects.project === undefined ? {} : projectDefinition(objects.project),
    entities: written('entity', ownEntities, bySpecName, entityDefinition),
    sources: written('source', objects.dataSources, ({ name }) => name, sourceDefinition),
    feature_views: written('feature view', objects.featureViews, bySpecName, (view) => viewDefinition(view, entities)),
    feature_services: written('feature service', objects.featureServices, bySpecName, (service) =>
      serviceDefinition(service, views),
    ),
  };
}

function without(document: Required<Document>, reasons: ReadonlyMap<ObjectLabel, string>): Required<Document> {
  const kept = <T extends { readonly name: string }>(section: Section, items: readonly T[] = []): T[] =>
    items.filter(({ name }) => !reasons.has(labelOf(KINDS[section], name)));
  return {
    project: document.project,
    entities: kept('entities', document.entities),
    sources: kept('sources', document.sources),
    feature_views: kept('feature_views', document.feature_views),
    feature_services: kept('feature_services', document.feature_services),
  };
}

/** Notes the object that a violation stands in, by its key: `feature_views.3.source`. */
function leaveOut(document: Document, key: string, problem: string, reasons: Map<ObjectLabel, string>): void {
  const [section = '', index = ''] = key.split('.');
  if (!Object.hasOwn(KINDS, section)) return;
  const item = document[section as Section]?.[Number(index)];
  const label = item === undefined ? undefined : labelOf(KINDS[section as Section], item.name);
  if (label !== undefined && !reasons.has(label)) reasons.set(label, problem.replace(/\.$/, ''));
}

function toldReasons(reasons: ReadonlyMap<ObjectLabel, string>): string[] {
  return [...reasons].map(([label, reason]) => `The ${label} is left out: ${reason}.`);
}

/** What a registry lists under kinds that definitions do not have. */
function otherKinds(registry: Registry, project: string): string[] {
  const kinds = [
    ['on-demand feature views', registry.onDemandFeatureViews],
    ['stream feature views', registry.streamFeatureViews],
    ['label views', registry.labelViews],
  ] as const;
  return kinds.flatMap(([kind, messages]) => {
    const names = messages.filter(({ spec }) => spec?.project === project).map(({ spec }) => spec?.name ?? '');
    return names.length === 0 ? [] : [`The ${kind} are left out, which are Python: ${names.join(', ')}.`];
  });
}
