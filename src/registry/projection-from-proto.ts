import type { FeatureService } from '../../gen/feast/core/FeatureService_pb.ts';
import type { FeatureViewProjection } from '../../gen/feast/core/FeatureViewProjection_pb.ts';
import type { FeatureServiceSpec, FeatureViewSpec, ProjectionSpec } from './registry-snapshot.ts';
import { featuresWithoutJoinKeys, mappingFromProto, tagsFromProto } from './view-from-proto.ts';

/**
 * A projection as the registry holds it. The view that it names may be gone: Feast keeps services over removed views, and
 * what to answer then is not the registry's to say.
 */
export function projectionFromProto(
  proto: FeatureViewProjection,
  views: ReadonlyMap<string, FeatureViewSpec>,
): ProjectionSpec {
  const version = proto.versionTag;
  const current = views.get(proto.featureViewName);
  const view = version === undefined ? current : (current?.versions.get(version) ?? current);
  return Object.freeze({
    viewName: proto.featureViewName,
    alias: proto.featureViewNameAlias === '' ? proto.featureViewName : proto.featureViewNameAlias,
    features: featuresWithoutJoinKeys(proto.featureColumns, view?.joinKeys ?? []),
    joinKeyMap: mappingFromProto(proto.joinKeyMap),
    version,
  });
}

export function serviceFromProto(
  proto: FeatureService,
  views: ReadonlyMap<string, FeatureViewSpec>,
): FeatureServiceSpec | undefined {
  const spec = proto.spec;
  if (spec === undefined) return undefined;
  return Object.freeze({
    name: spec.name,
    description: spec.description,
    owner: spec.owner,
    tags: tagsFromProto(spec.tags),
    projections: Object.freeze(spec.features.map((projection) => projectionFromProto(projection, views))),
    precomputeOnline: spec.precomputeOnline,
  });
}
