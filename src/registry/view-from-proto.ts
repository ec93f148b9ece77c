import type { DataSource } from '../../gen/feast/core/DataSource_pb.ts';
import { DataSource_SourceType } from '../../gen/feast/core/DataSource_pb.ts';
import type { Entity } from '../../gen/feast/core/Entity_pb.ts';
import type { FeatureSpecV2 } from '../../gen/feast/core/Feature_pb.ts';
import type { FeatureView } from '../../gen/feast/core/FeatureView_pb.ts';
import type { LabelView } from '../../gen/feast/core/LabelView_pb.ts';
import type { StreamFeatureView } from '../../gen/feast/core/StreamFeatureView_pb.ts';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { dummyEntity } from './dummy-entity.ts';
import { ImmutableMap } from './immutable-map.ts';
import type {
  EntitySpec,
  FeatureSpec,
  FeatureViewKind,
  FeatureViewSpec,
  JoinKeySpec,
  OnDemandSpec,
} from './registry-snapshot.ts';

/** What building a view needs to know of the rest of its project. */
export interface ViewContext {
  readonly entities: ReadonlyMap<string, EntitySpec>;
  /** History by view name, where it is known already. */
  readonly versions: ReadonlyMap<string, ReadonlyMap<number, FeatureViewSpec>>;
  /** The version that is being built, in place of the number that the view's own bytes give. */
  readonly versionNumber?: number;
  /** Told about a view that has to be left out. */
  readonly warn: (message: string) => void;
}

/** The fields that the specs of all four kinds of views share. */
export interface ViewProto {
  readonly name: string;
  readonly description: string;
  readonly owner: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly entities: readonly string[];
  readonly entityColumns: readonly FeatureSpecV2[];
  readonly features: readonly FeatureSpecV2[];
}

/** What differs between the kinds. */
export interface ViewTraits {
  readonly kind: FeatureViewKind;
  readonly ttlSeconds: number;
  readonly online: boolean;
  readonly currentVersion: number;
  readonly pushSources: readonly string[];
  readonly fieldMapping: ReadonlyMap<string, string>;
  readonly timestampField: string;
  readonly createdTimestampField: string;
  readonly onDemand?: OnDemandSpec;
}

// A large registry is mostly empty tags and mappings: one frozen instance of each serves them all.
const noTags: Readonly<Record<string, string>> = Object.freeze({});
const noMapping: ReadonlyMap<string, string> = new ImmutableMap<string, string>();
const noVersions: ReadonlyMap<number, FeatureViewSpec> = new ImmutableMap<number, FeatureViewSpec>();

export function tagsFromProto(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.keys(tags).length === 0 ? noTags : Object.freeze({ ...tags });
}

export function mappingFromProto(mapping: Readonly<Record<string, string>> = {}): ReadonlyMap<string, string> {
  const entries = Object.entries(mapping);
  return entries.length === 0 ? noMapping : new ImmutableMap(entries);
}

/** The spec of an entity; `__dummy` gets the string key that Feast means by it. */
export function entityFromProto(proto: Entity): EntitySpec | undefined {
  const spec = proto.spec;
  if (spec === undefined) return undefined;
  return Object.freeze({
    name: spec.name,
    joinKey: spec.joinKey === '' ? spec.name : spec.joinKey,
    valueType: spec.name === dummyEntity.name ? dummyEntity.valueType : spec.valueType,
    description: spec.description,
    tags: tagsFromProto(spec.tags),
  });
}

export function featureFromProto(proto: FeatureSpecV2): FeatureSpec {
  return Object.freeze({
    name: proto.name,
    valueType: proto.valueType,
    description: proto.description,
    tags: tagsFromProto(proto.tags),
    ...(proto.vectorIndex && proto.vectorLength > 0 && { vectorLength: proto.vectorLength }),
  });
}

/** Features without those that are join keys: Feast lists the join key of a stream view among its features. */
export function featuresWithoutJoinKeys(
  features: readonly FeatureSpecV2[],
  joinKeys: readonly JoinKeySpec[],
): readonly FeatureSpec[] {
  const isJoinKey = (feature: FeatureSpecV2) => joinKeys.some((key) => key.name === feature.name);
  return Object.freeze(features.filter((feature) => !isJoinKey(feature)).map(featureFromProto));
}

export function featureViewFromProto(proto: FeatureView, context: ViewContext): FeatureViewSpec | undefined {
  const spec = proto.spec;
  if (spec === undefined) return undefined;
  return createView(
    spec,
    {
      kind: 'feature_view',
      ttlSeconds: secondsFromDuration(spec.ttl),
      online: spec.online,
      currentVersion: proto.meta?.currentVersionNumber ?? 0,
      ...sourceTraits(spec.batchSource, spec.streamSource),
    },
    context,
  );
}

export function streamViewFromProto(proto: StreamFeatureView, context: ViewContext): FeatureViewSpec | undefined {
  const spec = proto.spec;
  if (spec === undefined) return undefined;
  return createView(
    spec,
    {
      kind: 'stream_feature_view',
      ttlSeconds: secondsFromDuration(spec.ttl),
      online: spec.online,
      currentVersion: proto.meta?.currentVersionNumber ?? 0,
      ...sourceTraits(spec.batchSource, spec.streamSource),
    },
    context,
  );
}

export function labelViewFromProto(proto: LabelView, context: ViewContext): FeatureViewSpec | undefined {
  const spec = proto.spec;
  if (spec === undefined) return undefined;
  return createView(
    spec,
    {
      kind: 'label_view',
      ttlSeconds: secondsFromDuration(spec.ttl),
      online: spec.online,
      currentVersion: 0,
      ...sourceTraits(spec.source, undefined),
    },
    context,
  );
}

/** A frozen view, or nothing (and a warning) when one of its entities cannot be resolved to a join key. */
export function createView(proto: ViewProto, traits: ViewTraits, context: ViewContext): FeatureViewSpec | undefined {
  const entities = proto.entities.length === 0 ? [dummyEntity.name] : [...proto.entities];
  const joinKeys: JoinKeySpec[] = [];
  for (const [position, entity] of entities.entries()) {
    const joinKey = joinKeyOf(entity, position, proto, context.entities);
    if (joinKey === undefined) {
      context.warn(
        `View "${proto.name}" is left out: it names the entity "${entity}", which the registry does not hold.`,
      );
      return undefined;
    }
    joinKeys.push(joinKey);
  }
  const view: FeatureViewSpec = {
    kind: traits.kind,
    name: proto.name,
    description: proto.description,
    owner: proto.owner,
    tags: tagsFromProto(proto.tags),
    entities: Object.freeze(entities),
    joinKeys: Object.freeze(joinKeys),
    features: featuresWithoutJoinKeys(proto.features, joinKeys),
    ttlSeconds: traits.ttlSeconds,
    online: traits.online,
    currentVersion: context.versionNumber ?? traits.currentVersion,
    versions: context.versions.get(proto.name) ?? noVersions,
    pushSources: traits.pushSources,
    fieldMapping: traits.fieldMapping,
    timestampField: traits.timestampField,
    createdTimestampField: traits.createdTimestampField,
  };
  return Object.freeze(traits.onDemand === undefined ? view : { ...view, onDemand: traits.onDemand });
}

/** The view's own entity columns know the type as it was when the view was applied; the entity is the older place for it. */
function joinKeyOf(
  entityName: string,
  position: number,
  proto: ViewProto,
  entities: ReadonlyMap<string, EntitySpec>,
): JoinKeySpec | undefined {
  const entity = entityName === dummyEntity.name ? dummyEntity : entities.get(entityName);
  if (entity !== undefined) {
    const column = proto.entityColumns.find((candidate) => candidate.name === entity.joinKey);
    const valueType =
      column === undefined || column.valueType === ValueType_Enum.INVALID ? entity.valueType : column.valueType;
    return Object.freeze({ name: entity.joinKey, entity: entityName, valueType });
  }
  // An entity that was deleted since: Feast lays the columns in the order of the entities, one for each.
  const column = proto.entityColumns.length === proto.entities.length ? proto.entityColumns[position] : undefined;
  if (column === undefined) return undefined;
  return Object.freeze({ name: column.name, entity: entityName, valueType: column.valueType });
}

/** A push source stands in for the view's stream source, or in older registries for its only source, and wraps the batch source. */
function sourceTraits(
  batch: DataSource | undefined,
  stream: DataSource | undefined,
): Pick<ViewTraits, 'pushSources' | 'fieldMapping' | 'timestampField' | 'createdTimestampField'> {
  const pushSources = new Set<string>();
  for (const source of [stream, batch]) {
    if (source?.type === DataSource_SourceType.PUSH_SOURCE) pushSources.add(source.name);
  }
  const tabular = batch?.batchSource ?? batch ?? stream?.batchSource;
  return {
    pushSources: Object.freeze([...pushSources]),
    fieldMapping: mappingFromProto(tabular?.fieldMapping),
    timestampField: tabular?.timestampField ?? '',
    createdTimestampField: tabular?.createdTimestampColumn ?? '',
  };
}

/** Seconds of a protobuf `Duration`; 0 where there is none. */
function secondsFromDuration(duration: { readonly seconds: bigint; readonly nanos: number } | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) + duration.nanos / 1e9;
}
