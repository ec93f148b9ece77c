import type {
  FeatureServiceSpec,
  FeatureSpec,
  FeatureViewSpec,
  RegistrySnapshot,
} from '../registry/registry-snapshot.ts';
import { parseFeatureReference } from './feature-reference.ts';
import type { FeatureSelection } from './request.ts';
import { assertFeatures } from './request-limits.ts';
import { listNames, ServingError } from './serving-error.ts';
import type { ServingPolicy } from './serving-policy.ts';

/** One feature that was asked for, resolved against the registry. */
export interface SelectedFeature {
  readonly view: FeatureViewSpec;
  /** The version to read; 0 is the plain table. */
  readonly version: number;
  readonly feature: FeatureSpec;
  /** Name of the view in full feature names: alias and `@vN` included. */
  readonly viewLabel: string;
  /** The view's join key to the request column that carries it. */
  readonly joinKeyMap: ReadonlyMap<string, string>;
}

const NO_MAP: ReadonlyMap<string, string> = new Map();

/** Resolves a feature list or a feature service into the features that are asked for, in the order asked for. */
export function selectFeatures(
  selection: FeatureSelection,
  registry: RegistrySnapshot,
  policy: ServingPolicy,
): readonly SelectedFeature[] {
  const selected = selectedFeatures(selection, registry, policy);
  if (selected.length === 0) {
    throw new ServingError('NO_FEATURES_REQUESTED', 'The request names no feature and no feature service.', {
      hint: `Ask for "view:feature" references, or for one of the feature services: ${listNames(registry.services.keys())}.`,
    });
  }
  assertFeatures(selected.length, policy);
  return selected;
}

function selectedFeatures(
  { featureService, references, referenceCount }: FeatureSelection,
  registry: RegistrySnapshot,
  policy: ServingPolicy,
): readonly SelectedFeature[] {
  // Feast treats an empty service name as no service.
  if (featureService !== undefined && featureService !== '') {
    return fromService(serviceNamed(featureService, registry), registry, policy);
  }
  // Before each is looked up: what is known of a reference takes ten times the room that it takes in the request.
  assertFeatures(referenceCount, policy);
  return references.map((text) => fromReference(text, registry, policy));
}

/** Looks a service up by name. @throws ServingError `UNKNOWN_FEATURE_SERVICE` */
function serviceNamed(name: string, registry: RegistrySnapshot): FeatureServiceSpec {
  const service = registry.services.get(name);
  if (service !== undefined) return service;
  throw new ServingError(
    'UNKNOWN_FEATURE_SERVICE',
    `There is no feature service "${name}" in project "${registry.project}".`,
    { hint: `Known feature services: ${listNames(registry.services.keys())}.` },
  );
}

function fromReference(text: string, registry: RegistrySnapshot, policy: ServingPolicy): SelectedFeature {
  const reference = parseFeatureReference(text);
  const view = viewNamed(reference.view, registry);
  const version = versionFor(view, reference.version, text, policy);
  const schema = schemaOf(view, version, policy);
  // The label keeps `@vN` only where a version was named: an unpinned reference must not change its name with every apply.
  const viewLabel = typeof reference.version === 'number' ? `${view.name}@v${version}` : view.name;
  return {
    view: served(schema, text),
    version,
    feature: featureNamed(schema, reference.feature, viewLabel, policy),
    viewLabel,
    joinKeyMap: NO_MAP,
  };
}

function fromService(
  service: FeatureServiceSpec,
  registry: RegistrySnapshot,
  policy: ServingPolicy,
): SelectedFeature[] {
  return service.projections.flatMap((projection) => {
    const view = viewNamed(projection.viewName, registry);
    const version = versionInService(view, projection.version, service.name, policy);
    const schema = served(schemaOf(view, version, policy), `${view.name} (in feature service "${service.name}")`);
    const viewLabel =
      projection.version === undefined || projection.alias !== projection.viewName
        ? projection.alias
        : `${projection.alias}@v${projection.version}`;
    return projection.features
      .filter((feature) => !schema.joinKeys.some((key) => key.name === feature.name))
      .map((feature) => ({ view: schema, version, feature, viewLabel, joinKeyMap: projection.joinKeyMap }));
  });
}

function viewNamed(name: string, registry: RegistrySnapshot): FeatureViewSpec {
  const view = registry.views.get(name);
  if (view !== undefined) return view;
  throw new ServingError(
    'UNKNOWN_FEATURE_VIEW',
    `There is no feature view "${name}" in project "${registry.project}".`,
    {
      hint: `Known feature views: ${listNames(registry.views.keys())}.`,
    },
  );
}

function featureNamed(view: FeatureViewSpec, name: string, label: string, policy: ServingPolicy): FeatureSpec {
  // Feast's Python server also takes the inputs of a stored on-demand view for its features, though it never stores them.
  const inputs = policy.requests === 'feast-python' ? (view.onDemand?.sourceProjections ?? []) : [];
  const candidates = [...view.features, ...inputs.flatMap((projection) => projection.features)];
  const feature = candidates.find((candidate) => candidate.name === name);
  if (feature !== undefined) return feature;
  throw new ServingError('UNKNOWN_FEATURE', `Feature view "${label}" has no feature "${name}".`, {
    hint: `It has: ${listNames(view.features.map((candidate) => candidate.name))}.`,
  });
}

function versionFor(
  view: FeatureViewSpec,
  asked: number | 'latest' | undefined,
  text: string,
  policy: ServingPolicy,
): number {
  if (asked === undefined || asked === 'latest') return policy.versionedReads ? view.currentVersion : 0;
  if (!policy.versionedReads) {
    throw new ServingError(
      'VERSIONING_DISABLED',
      `"${text}" asks for a version, but this project keeps no versions in its online store.`,
      {
        hint: 'Drop the "@…" part, or set registry.enable_online_feature_view_versioning: true in feature_store.yaml and materialize again.',
      },
    );
  }
  return existingVersion(view, asked);
}

/**
 * Feast's Python server reads the unversioned table for a service entry that pins no version (it loses the current version
 * number on the way); a service entry means the current version.
 */
function versionInService(
  view: FeatureViewSpec,
  pinned: number | undefined,
  service: string,
  policy: ServingPolicy,
): number {
  if (pinned !== undefined)
    return versionFor(view, pinned, `${view.name}@v${pinned} (in feature service "${service}")`, policy);
  if (policy.requests === 'feast-python') return 0;
  return policy.versionedReads ? view.currentVersion : 0;
}

function existingVersion(view: FeatureViewSpec, version: number): number {
  if (version === view.currentVersion || view.versions.has(version)) return version;
  throw new ServingError('UNKNOWN_FEATURE_VIEW_VERSION', `Feature view "${view.name}" has no version ${version}.`, {
    hint: `Known versions: ${listNames([...view.versions.keys()].map((number) => `v${number}`))}.`,
  });
}

/** Without versioned reads, version 0 is the only table, and the registry's current schema describes it. */
function schemaOf(view: FeatureViewSpec, version: number, policy: ServingPolicy): FeatureViewSpec {
  if (!policy.versionedReads) return view;
  return version === view.currentVersion ? view : (view.versions.get(version) ?? view);
}

function served(view: FeatureViewSpec, what: string): FeatureViewSpec {
  if (view.onDemand === undefined || view.onDemand.writeToOnlineStore) return view;
  throw new ServingError(
    'ON_DEMAND_NOT_SERVED',
    `"${what}" needs the on-demand feature view "${view.name}", which is a Python function computed while answering.`,
    {
      hint: 'Sideboard never executes functions from the registry. Ask for the features of its source views, or let Feast store the view (write_to_online_store).',
    },
  );
}
