import { create } from '@bufbuild/protobuf';
import type { FeatureSpecV2 } from '../../gen/feast/core/Feature_pb.ts';
import { type FeatureService, FeatureServiceSchema } from '../../gen/feast/core/FeatureService_pb.ts';
import {
  type FeatureViewProjection,
  FeatureViewProjectionSchema,
} from '../../gen/feast/core/FeatureViewProjection_pb.ts';
import { below, type DefinitionFindings, type Place } from './definition-findings.ts';
import { addUnknownName, resolveReference } from './definition-references.ts';
import type { FeatureServiceDefinition } from './definitions-schema.ts';
import { pinnedVersion } from './field-schemas.ts';
import type { Located } from './located-definitions.ts';
import type { PinnedViews, ViewCopy } from './pinned-views.ts';
import type { ProjectSources } from './sources-to-proto.ts';
import type { BuiltView } from './views-to-proto.ts';

/** What services are built from. */
export interface ServiceContext {
  readonly views: ReadonlyMap<string, Located<BuiltView>>;
  readonly sources: ProjectSources;
  readonly pinned: PinnedViews;
  readonly project: string;
  readonly findings: DefinitionFindings;
}

/** A projection as it is asked for, with the places of its parts. */
interface Wanted {
  readonly view: string;
  readonly viewPlace: Place;
  readonly features: readonly (readonly [name: string, place: Place])[] | undefined;
  readonly alias: string;
  readonly joinKeyMap: Readonly<Record<string, string>>;
  readonly joinKeyMapPlace: Place;
  readonly version: number | undefined;
  readonly versionPlace: Place;
}

export function serviceToProto(
  { value: service, place }: Located<FeatureServiceDefinition>,
  context: ServiceContext,
): FeatureService {
  const features: FeatureViewProjection[] = [];
  for (const [index, item] of service.features.entries()) {
    const projection = projectionToProto(wantedFrom(item, below(place, 'features', index), context.findings), context);
    if (projection !== undefined) features.push(projection);
  }
  const { name, description, owner, tags } = service;
  return create(FeatureServiceSchema, {
    spec: { name, project: context.project, description, owner, tags, features },
  });
}

function wantedFrom(
  item: FeatureServiceDefinition['features'][number],
  place: Place,
  findings: DefinitionFindings,
): Wanted {
  if (typeof item === 'string') return wantedFromReference(item, place, findings);
  const list = below(place, 'features');
  return {
    view: item.view,
    viewPlace: below(place, 'view'),
    features: item.features?.map((name, index) => [name, below(list, index)]),
    alias: item.with_name ?? '',
    joinKeyMap: item.join_key_map,
    joinKeyMapPlace: below(place, 'join_key_map'),
    version: item.version === undefined ? undefined : pinnedVersion(item.version),
    versionPlace: below(place, 'version'),
  };
}

/** `view`, `view:feature`, `view@v2`, `view@v2:feature`: as Feast's own services take them. */
function wantedFromReference(reference: string, place: Place, findings: DefinitionFindings): Wanted {
  const [, view = reference, version, feature] = /^([^@:]+)(?:@([^:]*))?(?::(.+))?$/s.exec(reference) ?? [];
  const pinned = version === undefined ? undefined : pinnedVersion(version);
  if (version !== undefined && pinned === undefined && version.toLowerCase() !== 'latest') {
    findings.add(
      'DEFINITIONS_INVALID',
      place,
      `"${version}" is not a version.`,
      `Write ${view}@v2, or ${view} for the current one.`,
    );
  }
  return {
    view,
    viewPlace: place,
    features: feature === undefined ? undefined : [[feature, place]],
    alias: '',
    joinKeyMap: {},
    joinKeyMapPlace: place,
    version: pinned,
    versionPlace: place,
  };
}

function projectionToProto(wanted: Wanted, context: ServiceContext): FeatureViewProjection | undefined {
  const { findings } = context;
  const built = resolveReference(wanted.view, wanted.viewPlace, context.views, 'feature view', findings)?.value;
  if (built === undefined) return undefined;
  const ownVersion = pinnedVersion(built.definition.version);
  const version = wanted.version ?? ownVersion;
  const copy =
    wanted.version === undefined || wanted.version === ownVersion
      ? copyOfDefinition(built, context)
      : context.pinned.copyOf(wanted.view, wanted.version, wanted.versionPlace, copyOfDefinition(built, context));
  if (copy === undefined) return undefined;
  for (const joinKey of Object.keys(wanted.joinKeyMap)) {
    if (copy.joinKeys.includes(joinKey)) continue;
    const problem = `${copy.label} has no join key "${joinKey}".`;
    addUnknownName(findings, below(wanted.joinKeyMapPlace, joinKey), problem, joinKey, copy.joinKeys);
  }
  // The time columns are copies for offline use; Feast 0.67 puts the created column into both (SEMANTICS 34 of the vectors).
  const created = copy.batchSource?.createdTimestampColumn ?? '';
  return create(FeatureViewProjectionSchema, {
    featureViewName: wanted.view,
    featureViewNameAlias: wanted.alias,
    featureColumns: chosenFeatures(wanted, copy, findings),
    joinKeyMap: wanted.joinKeyMap,
    timestampField: created,
    createdTimestampColumn: created,
    viewType: 'featureView',
    ...(copy.batchSource === undefined ? {} : { batchSource: copy.batchSource }),
    ...(version === undefined ? {} : { versionTag: version }),
  });
}

function copyOfDefinition({ message, batchSource, joinKeys }: BuiltView, { sources }: ServiceContext): ViewCopy {
  return {
    label: `the feature view "${message.spec?.name}"`,
    features: message.spec?.features ?? [],
    joinKeys,
    batchSource: batchSource === undefined ? undefined : sources.inProjection(batchSource.value),
  };
}

function chosenFeatures(
  { features: wanted }: Wanted,
  { label, features }: ViewCopy,
  findings: DefinitionFindings,
): FeatureSpecV2[] {
  if (wanted === undefined) return [...features];
  const chosen = new Map<string, FeatureSpecV2>();
  for (const [name, place] of wanted) {
    const found = features.find((feature) => feature.name === name);
    if (found === undefined) {
      const known = features.map((feature) => feature.name);
      addUnknownName(findings, place, `${label} has no feature "${name}".`, name, known);
    } else if (chosen.has(name)) {
      findings.add('DEFINITIONS_DUPLICATE', place, `the feature "${name}" is named twice.`);
    } else {
      chosen.set(name, found);
    }
  }
  return [...chosen.values()];
}
