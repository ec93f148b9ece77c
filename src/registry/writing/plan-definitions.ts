import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { dummyEntity } from '../dummy-entity.ts';
import type { ProjectDefinitions } from '../project-definitions.ts';
import { RegistryError } from '../registry-error.ts';
import type { SourceTimes } from './data-source-copies.ts';
import { recordSqliteTables } from './infra-tables.ts';
import { type KeptObject, keptObjects } from './kept-objects.ts';
import { planDummyEntity, planEntity, planProject, planService, planSource } from './plan-objects.ts';
import { planView, type ViewContext } from './plan-view.ts';
import { RegistryDocument } from './registry-document.ts';
import { registryKinds } from './registry-kinds.ts';
import { type PlannedChange, type PlannedKind, plannedKinds, type RegistryPlan } from './registry-plan.ts';
import { timestampNow } from './registry-time.ts';

export interface PlanDefinitionsOptions {
  /** A serialized registry; `undefined` where there is none yet. */
  readonly registry: Uint8Array | undefined;
  /** What messages call it. */
  readonly source: string;
  readonly definitions: ProjectDefinitions;
  /** The SQLite database whose tables Feast would record, where the online store is one. */
  readonly sqlitePath?: string;
  /** Default: now, by this machine's clock. */
  readonly now?: Timestamp;
}

/**
 * What has to change in a registry so that a project is what its definitions say, and the registry with these changes: what
 * `feast apply` of Feast 0.67 would have recorded for the same definitions.
 *
 * Objects of the kinds that definitions know (entities, data sources, feature views, services) which they do not name are
 * deleted. What they cannot say (on-demand, stream and label views, computed views, services over these) is left alone with a
 * note, and so are the entities and sources that it uses. Permissions, saved datasets, validation references and other projects
 * are not looked at.
 *
 * @throws RegistryError `REGISTRY_PLAN_REFUSED` where a name is taken by a view of another kind, or where something that is left
 * alone reads a view that would go away; those of {@link RegistryDocument}
 */
export function planDefinitions(options: PlanDefinitionsOptions): RegistryPlan {
  const { registry, source, definitions, sqlitePath, now = timestampNow() } = options;
  const project = definitions.project.spec?.name ?? '';
  const document = new RegistryDocument(registry, source);
  const named = namesOf(definitions);
  const kept = keptObjects(document, project, named);
  assertNamesFree(named.views, kept);
  const context: ViewContext = { document, project, now, times: sourceTimes(document, project, now) };
  const changes: (PlannedChange | undefined)[] = [
    definitions.project.spec === undefined ? undefined : planProject(context, definitions.project.spec),
    // Batch sources first: push sources hold copies of them.
    ...[...definitions.dataSources]
      .sort((left, right) => Number(left.batchSource !== undefined) - Number(right.batchSource !== undefined))
      .map((each) => planSource(context, each)),
    ...definitions.entities.map(({ spec }) => (spec && !isDummy(spec) ? planEntity(context, spec) : undefined)),
    ...definitions.featureViews.map((each) => each.spec && planView(context, each.spec)),
    ...definitions.featureServices.map((each) => each.spec && planService(context, each.spec)),
  ];
  const notes = kept.map(({ kind, name }) => `The ${kind} "${name}" was made with Feast and is left alone.`);
  changes.push(...planDeletions(context, named, kept, notes));
  planDummyEntity(context);
  const done = inOrder(changes.filter((change) => change !== undefined));
  if (done.length > 0 && sqlitePath !== undefined) recordSqliteTables(document, project, sqlitePath);
  return { project, changes: done, notes, bytes: done.length === 0 ? undefined : document.toBytes(now) };
}

function isDummy({ name }: { readonly name: string }): boolean {
  return name === dummyEntity.name;
}

interface Names {
  readonly entities: ReadonlySet<string>;
  readonly sources: ReadonlySet<string>;
  readonly views: ReadonlySet<string>;
  readonly services: ReadonlySet<string>;
}

function namesOf({ entities, dataSources, featureViews, featureServices }: ProjectDefinitions): Names {
  const ofSpecs = (objects: readonly { readonly spec?: { readonly name: string } | undefined }[]) =>
    new Set(objects.map(({ spec }) => spec?.name ?? ''));
  return {
    entities: ofSpecs(entities).add(dummyEntity.name),
    sources: new Set(dataSources.map(({ name }) => name)),
    views: ofSpecs(featureViews),
    services: ofSpecs(featureServices),
  };
}

function assertNamesFree(views: ReadonlySet<string>, kept: readonly KeptObject[]): void {
  const taken = kept.find(({ kind, name }) => kind.endsWith('view') && views.has(name));
  if (taken === undefined) return;
  throw new RegistryError(
    'REGISTRY_PLAN_REFUSED',
    `The definitions have a feature view "${taken.name}"; in the registry that is the name of its ${taken.kind}.`,
    { hint: 'Names of views are unique over all kinds: rename one of the two, or remove the other with Feast.' },
  );
}

function* planDeletions(
  { document, project }: ViewContext,
  named: Names,
  kept: readonly KeptObject[],
  notes: string[],
): Generator<PlannedChange> {
  const isKept = (kind: string, name: string): boolean =>
    kept.some((each) => each.name === name && (each.kind === 'feature service') === (kind === 'feature service'));
  const userOf = (uses: 'entities' | 'sources' | 'views', name: string) => kept.find((each) => each[uses].has(name));
  const needed = (kind: PlannedKind, uses: 'entities' | 'sources', name: string): boolean => {
    const user = userOf(uses, name);
    if (user !== undefined) notes.push(`The ${kind} "${name}" is kept: the ${user.kind} "${user.name}" uses it.`);
    return user !== undefined;
  };
  const { entity, dataSource, featureView, featureService } = registryKinds;
  for (const object of document.objects(featureService, project)) {
    const name = featureService.nameOf(object.message);
    if (named.services.has(name) || isKept('feature service', name)) continue;
    document.remove(object);
    yield deletion('feature service', name);
  }
  for (const object of document.objects(featureView, project)) {
    const name = featureView.nameOf(object.message);
    if (named.views.has(name) || isKept('feature view', name)) continue;
    assertNotRead(name, userOf('views', name));
    document.remove(object);
    for (const version of document.versions(project, name)) document.removeVersion(version);
    yield deletion('feature view', name);
  }
  for (const object of document.objects(entity, project)) {
    const name = entity.nameOf(object.message);
    if (named.entities.has(name) || needed('entity', 'entities', name)) continue;
    document.remove(object);
    yield deletion('entity', name);
  }
  for (const object of document.objects(dataSource, project)) {
    const { name } = object.message;
    if (named.sources.has(name) || needed('data source', 'sources', name)) continue;
    document.remove(object);
    yield deletion('data source', name);
  }
}

function assertNotRead(view: string, reader: KeptObject | undefined): void {
  if (reader === undefined) return;
  throw new RegistryError(
    'REGISTRY_PLAN_REFUSED',
    `The definitions no longer have the feature view "${view}", which the ${reader.kind} "${reader.name}" reads.`,
    { hint: `Keep the view, or remove "${reader.name}" with Feast first.` },
  );
}

function deletion(kind: PlannedKind, name: string): PlannedChange {
  return { action: 'delete', kind, name, fields: [] };
}

/** The times of a source as the registry has them by then; a source that only stands in copies was made now. */
function sourceTimes(document: RegistryDocument, project: string, now: Timestamp): SourceTimes {
  return (name) => {
    const meta = document.find(registryKinds.dataSource, project, name)?.message.meta;
    return { created: meta?.createdTimestamp ?? now, updated: meta?.lastUpdatedTimestamp ?? now };
  };
}

function inOrder(changes: readonly PlannedChange[]): readonly PlannedChange[] {
  const rank = ({ kind }: PlannedChange): number => plannedKinds.indexOf(kind);
  return [...changes].sort(
    (left, right) => rank(left) - rank(right) || (left.name < right.name ? -1 : left.name > right.name ? 1 : 0),
  );
}
