import { createEntityKeyEncoder, type EntityKeyEncoder } from '../encoding/entity-key.ts';
import { armOfValueType } from '../encoding/value-type.ts';
import type { Resource } from '../registry/access/access-rules.ts';
import type { JoinKeySpec, RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { OnlineTable } from '../stores/online-store.ts';
import { onlineTableFromView } from '../stores/online-table.ts';
import type { AskedFor } from './call-observer.ts';
import type { DerivedColumn } from './derived-columns.ts';
import { createColumnMatcher, type EntityColumns } from './entity-columns.ts';
import { precomputedTable } from './precomputed.ts';
import type { FeatureSelection } from './request.ts';
import { encodeResponseMetadata } from './response-metadata.ts';
import { type SelectedFeature, selectFeatures } from './selection.ts';
import { listNames, ServingError } from './serving-error.ts';
import type { ServingPolicy } from './serving-policy.ts';

/**
 * Everything about a request that does not depend on entity values: compiled once per feature set, column names and
 * registry generation, then run for every request of that shape.
 */
export interface Plan {
  /** The registry generation it was compiled for. */
  readonly generation: number;
  /** What is told of it. */
  readonly asked: AskedFor;
  /** What is read. Tables that share a key group are asked for the same entities. */
  readonly tables: readonly TablePlan[];
  readonly keyGroups: readonly KeyGroup[];
  /** Join keys that are made from columns of the request; to key groups they are the columns behind the request's own. */
  readonly derived: readonly DerivedColumn[];
  /** Which request columns are echoed, in the order in which they were sent. */
  readonly echoedEntities: readonly number[];
  /** What was asked for by name: the feature service, or each view. Permissions are about these. */
  readonly resources: readonly Resource[];
  /** One output per requested feature, in the order asked for. */
  readonly outputs: readonly OutputPlan[];
  /** The `metadata` field of the answer, tag and length included. */
  readonly metadata: Uint8Array;
  /** What earlier answers let expect of the next one. */
  readonly load: PlanLoad;
  /** The table of Feast's pre-computed vectors, where `requests: feast-python` answers from them. */
  readonly precomputed: OnlineTable | undefined;
}

/** How large the answers of a plan are. The only part of a plan that changes: it learns. */
export interface PlanLoad {
  /** Bytes of an answer per entity row; a guess until the first one. */
  bytesPerRow: number;
}

export interface TablePlan {
  readonly table: OnlineTable;
  /** Name for error messages: the view, with `@vN` for a version. */
  readonly label: string;
  readonly features: readonly string[];
  /** Field number of the `Value` arm that the registry's type means, per feature; 0 where the registry does not say. */
  readonly arms: readonly number[];
  /** Milliseconds after the event timestamp until which a value counts; 0 means for ever. */
  readonly ttlMs: number;
  readonly keyGroup: number;
}

/** Join keys that are filled from the same request columns: one entity key per row serves all their tables. */
export interface KeyGroup {
  readonly joinKeys: readonly JoinKeySpec[];
  /** Index of the request column, or of the derived one behind them, for each join key. Empty for an entity-less view: one constant key serves every row. */
  readonly columns: readonly number[];
  readonly encoder: EntityKeyEncoder;
}

export interface OutputPlan {
  readonly name: string;
  readonly table: number;
  /** Column in the table's block. */
  readonly feature: number;
}

/** What a value takes in an answer, with its status and event timestamp, where nobody has seen one yet. */
const GUESSED_VALUE_BYTES = 24;

/**
 * Compiles a plan.
 * @param columns names of the entity columns, in the order sent
 * @param context names of the request-data columns, in the order sent
 * @throws ServingError naming the reference, service, feature or column that does not fit
 */
export function compilePlan(
  selection: FeatureSelection,
  columns: readonly string[],
  context: readonly string[],
  registry: RegistrySnapshot,
  policy: ServingPolicy,
): Plan {
  const selected = selectFeatures(selection, registry, policy);
  const names = selected.map((item) => outputName(item, selection.fullFeatureNames));
  rejectDuplicates(selected, names, selection.fullFeatureNames);

  const matcher = createColumnMatcher(columns, registry, policy);
  const groups = new Map<string, { index: number; group: KeyGroup }>();
  const tables: { plan: TablePlan; features: string[]; arms: number[] }[] = [];
  const tableIndex = new Map<string, number>();
  const outputs = selected.map((item, position): OutputPlan => {
    const entityColumns = matcher.match(item);
    const keyGroup = groupFor(groups, entityColumns);
    const label = item.version === 0 ? item.view.name : `${item.view.name}@v${item.version}`;
    const key = `${keyGroup}:${label}`;
    let index = tableIndex.get(key);
    if (index === undefined) {
      index = tables.length;
      tableIndex.set(key, index);
      const features: string[] = [];
      const arms: number[] = [];
      const table = onlineTableFromView(item.view, registry.project, item.version);
      const ttlMs = item.view.ttlSeconds * 1000;
      tables.push({ plan: { table, label, features, arms, ttlMs, keyGroup }, features, arms });
    }
    const entry = tables[index];
    let feature = entry?.features.indexOf(item.feature.name) ?? -1;
    if (feature < 0 && entry !== undefined) {
      feature = entry.features.push(item.feature.name) - 1;
      entry.arms.push(armOfValueType(item.feature.valueType));
    }
    return { name: names[position] ?? '', table: index, feature };
  });
  matcher.rejectUnused();

  const echoedEntities = matcher.echoed();
  return {
    generation: registry.generation,
    asked: {
      service: selection.featureService,
      views: [...new Set(tables.map(({ plan }) => plan.label))],
      features: outputs.length,
    },
    tables: tables.map((entry) => entry.plan),
    keyGroups: [...groups.values()].map((entry) => entry.group),
    derived: matcher.derived(),
    echoedEntities,
    resources: resourcesOf(selection, selected, registry),
    outputs,
    metadata: encodeResponseMetadata(
      [...echoedEntities.map((index) => columns[index] ?? ''), ...context, ...names],
      selection.includeVersionMetadata && policy.requests === 'documented' ? viewVersions(selected) : [],
    ),
    load: { bytesPerRow: outputs.length * GUESSED_VALUE_BYTES },
    precomputed: groups.size === 1 ? precomputedFor(selection, registry, policy) : undefined,
  };
}

/** As in Feast: whoever may use a service may read what it takes, whatever permissions its views have. */
function resourcesOf(
  { featureService }: FeatureSelection,
  selected: readonly SelectedFeature[],
  registry: RegistrySnapshot,
): readonly Resource[] {
  const service = featureService === undefined ? undefined : registry.services.get(featureService);
  if (service !== undefined) return [{ kind: 'feature_service', name: service.name, tags: service.tags }];
  // An earlier version is asked for by the same name, and what the view says now counts.
  const views = selected.map(({ view }) => registry.views.get(view.name) ?? view);
  // An on-demand view shows what its source views hold.
  const sources = views.flatMap(({ onDemand }) =>
    (onDemand?.sourceProjections ?? []).flatMap(({ viewName }) => registry.views.get(viewName) ?? []),
  );
  return [...new Set<Resource>([...views, ...sources])];
}

function outputName(item: SelectedFeature, full: boolean): string {
  return full ? `${item.viewLabel}__${item.feature.name}` : item.feature.name;
}

function rejectDuplicates(selected: readonly SelectedFeature[], names: readonly string[], full: boolean): void {
  const first = new Map<string, number>();
  for (const [position, name] of names.entries()) {
    const earlier = first.get(name);
    if (earlier === undefined) {
      first.set(name, position);
      continue;
    }
    const references = names.flatMap((other, index) => {
      const item = selected[index];
      return other === name && item !== undefined ? [`${item.viewLabel}:${item.feature.name}`] : [];
    });
    throw new ServingError(
      'DUPLICATE_FEATURE_NAMES',
      `${references.length} requested features would be called "${name}" in the answer: ${listNames(references)}.`,
      {
        hint:
          full || new Set(references).size < references.length
            ? 'Ask for each feature once.'
            : 'Set full_feature_names, so that the answer says view__feature.',
      },
    );
  }
}

function groupFor(groups: Map<string, { index: number; group: KeyGroup }>, columns: EntityColumns): number {
  const key = columns.joinKeys.map((joinKey, index) => `${joinKey.name}=${columns.columns[index]}`).join('\n');
  const known = groups.get(key);
  if (known !== undefined) return known.index;
  const names = columns.joinKeys.map((joinKey) => joinKey.name);
  const index = groups.size;
  groups.set(key, {
    index,
    group: {
      joinKeys: columns.joinKeys,
      columns: columns.columns,
      encoder: createEntityKeyEncoder(names),
    },
  });
  return index;
}

/** Feast reads pre-computed vectors only for full names: a vector's features are named that way. */
function precomputedFor(
  selection: FeatureSelection,
  registry: RegistrySnapshot,
  policy: ServingPolicy,
): OnlineTable | undefined {
  const service = registry.services.get(selection.featureService ?? '');
  if (policy.requests !== 'feast-python' || !selection.fullFeatureNames || service === undefined) return undefined;
  return service.precomputeOnline ? precomputedTable(registry.project, service.name) : undefined;
}

/** Each view once, with the version that was read first. */
function viewVersions(selected: readonly SelectedFeature[]): { name: string; version: number }[] {
  const versions = new Map<string, number>();
  for (const item of selected) if (!versions.has(item.view.name)) versions.set(item.view.name, item.version);
  return [...versions].map(([name, version]) => ({ name, version }));
}
