import { fromBinary } from '@bufbuild/protobuf';
import { FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import type { FeatureViewVersionRecord } from '../../gen/feast/core/FeatureViewVersion_pb.ts';
import { LabelViewSchema } from '../../gen/feast/core/LabelView_pb.ts';
import { OnDemandFeatureViewSchema } from '../../gen/feast/core/OnDemandFeatureView_pb.ts';
import { StreamFeatureViewSchema } from '../../gen/feast/core/StreamFeatureView_pb.ts';
import { ImmutableMap } from './immutable-map.ts';
import type { Steps } from './in-turns.ts';
import { onDemandViewFromProto } from './on-demand-view-from-proto.ts';
import type { FeatureViewSpec } from './registry-snapshot.ts';
import { featureViewFromProto, labelViewFromProto, streamViewFromProto, type ViewContext } from './view-from-proto.ts';

export type VersionHistory = ReadonlyMap<string, ReadonlyMap<number, FeatureViewSpec>>;

/**
 * Versions by view name and number. Feast keeps them whether or not versioned reads are enabled, and numbers from 0. A
 * record that cannot be read is left out with a warning: it must not take the current versions down.
 */
export function* versionHistorySteps(
  records: readonly FeatureViewVersionRecord[],
  project: string,
  context: ViewContext,
): Steps<VersionHistory> {
  const histories = new Map<string, Map<number, FeatureViewSpec>>();
  for (const record of records) {
    if (record.projectId !== project) continue;
    yield;
    const view = viewOfRecord(record, { ...context, versionNumber: record.versionNumber });
    if (view === undefined) continue;
    let versions = histories.get(record.featureViewName);
    if (versions === undefined) {
      versions = new Map();
      histories.set(record.featureViewName, versions);
    }
    versions.set(record.versionNumber, view);
  }
  return new ImmutableMap(
    [...histories].map(([name, versions]) => [
      name,
      new ImmutableMap([...versions].sort(([left], [right]) => left - right)),
    ]),
  );
}

function viewOfRecord(record: FeatureViewVersionRecord, context: ViewContext): FeatureViewSpec | undefined {
  const label = `Version ${record.versionNumber} of view "${record.featureViewName}"`;
  const bytes = record.featureViewProto;
  try {
    switch (record.featureViewType) {
      case 'feature_view':
        return featureViewFromProto(fromBinary(FeatureViewSchema, bytes), context);
      case 'stream_feature_view':
        return streamViewFromProto(fromBinary(StreamFeatureViewSchema, bytes), context);
      case 'label_view':
        return labelViewFromProto(fromBinary(LabelViewSchema, bytes), context);
      case 'on_demand_feature_view':
        // The sources of an old version may have changed since, so their join keys cannot be told from today's views.
        return onDemandViewFromProto(fromBinary(OnDemandFeatureViewSchema, bytes), context, new Map());
      default:
        context.warn(`${label} is left out: its type "${record.featureViewType}" is unknown.`);
        return undefined;
    }
  } catch (error) {
    context.warn(
      `${label} is left out: its record cannot be read (${error instanceof Error ? error.message : 'unknown'}).`,
    );
    return undefined;
  }
}
