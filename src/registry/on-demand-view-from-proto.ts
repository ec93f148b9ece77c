import { create } from '@bufbuild/protobuf';
import type { DataSource } from '../../gen/feast/core/DataSource_pb.ts';
import { type FeatureSpecV2, FeatureSpecV2Schema } from '../../gen/feast/core/Feature_pb.ts';
import { FeatureViewProjectionSchema } from '../../gen/feast/core/FeatureViewProjection_pb.ts';
import type {
  OnDemandFeatureView,
  OnDemandFeatureViewSpec,
  OnDemandSource,
} from '../../gen/feast/core/OnDemandFeatureView_pb.ts';
import { projectionFromProto } from './projection-from-proto.ts';
import type { FeatureSpec, FeatureViewSpec, OnDemandSpec, ProjectionSpec } from './registry-snapshot.ts';
import { createView, featureFromProto, mappingFromProto, type ViewContext } from './view-from-proto.ts';

/**
 * What is known of an on-demand view without running it. Its function (a pickle, in the registry's bytes) is never loaded.
 * `views` are the project's other views: the sources are projections of them.
 */
export function onDemandViewFromProto(
  proto: OnDemandFeatureView,
  context: ViewContext,
  views: ReadonlyMap<string, FeatureViewSpec>,
): FeatureViewSpec | undefined {
  const spec = proto.spec;
  if (spec === undefined) return undefined;
  return createView(
    spec,
    {
      kind: 'on_demand_feature_view',
      ttlSeconds: 0,
      online: spec.writeToOnlineStore,
      currentVersion: proto.meta?.currentVersionNumber ?? 0,
      pushSources: Object.freeze([]),
      fieldMapping: mappingFromProto(),
      timestampField: '',
      createdTimestampField: '',
      onDemand: onDemandFromProto(spec, views),
    },
    context,
  );
}

function onDemandFromProto(spec: OnDemandFeatureViewSpec, views: ReadonlyMap<string, FeatureViewSpec>): OnDemandSpec {
  const sourceProjections: ProjectionSpec[] = [];
  const requestColumns: FeatureSpec[] = [];
  // A protobuf map has no order of its own: sorted by name, two reads of one registry give one snapshot.
  const sources = Object.entries(spec.sources).sort(([left], [right]) => (left < right ? -1 : 1));
  for (const [, source] of sources) {
    const projection = projectionOfSource(source, views);
    if (projection !== undefined) sourceProjections.push(projection);
    if (source.source.case === 'requestDataSource') requestColumns.push(...requestColumnsOf(source.source.value));
  }
  return Object.freeze({
    writeToOnlineStore: spec.writeToOnlineStore,
    mode: modeOf(spec),
    sourceProjections: Object.freeze(sourceProjections),
    requestColumns: Object.freeze(requestColumns),
  });
}

function projectionOfSource(
  source: OnDemandSource,
  views: ReadonlyMap<string, FeatureViewSpec>,
): ProjectionSpec | undefined {
  if (source.source.case === 'featureViewProjection') return projectionFromProto(source.source.value, views);
  const view = source.source.case === 'featureView' ? source.source.value.spec : undefined;
  if (view === undefined) return undefined;
  // Older registries hold the whole source view here.
  const whole = create(FeatureViewProjectionSchema, { featureViewName: view.name, featureColumns: view.features });
  return projectionFromProto(whole, views);
}

function requestColumnsOf(source: DataSource): readonly FeatureSpec[] {
  if (source.options.case !== 'requestDataOptions') return [];
  const { schema, deprecatedSchema } = source.options.value;
  const columns: readonly FeatureSpecV2[] =
    schema.length > 0
      ? schema
      : Object.entries(deprecatedSchema).map(([name, valueType]) => create(FeatureSpecV2Schema, { name, valueType }));
  return columns.map(featureFromProto);
}

/** Where the view itself names no mode its transformation does; Feast's first on-demand views knew pandas only. */
function modeOf(spec: OnDemandFeatureViewSpec): string {
  if (spec.mode !== '') return spec.mode;
  const transformation = spec.featureTransformation?.transformation;
  if (transformation?.case === 'substraitTransformation') return 'substrait';
  const mode = transformation?.case === 'userDefinedFunction' ? transformation.value.mode : '';
  return mode === '' ? 'pandas' : mode;
}
