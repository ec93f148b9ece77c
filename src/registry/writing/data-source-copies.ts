import { create } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import {
  type DataSource,
  DataSource_SourceMetaSchema,
  DataSource_SourceType,
} from '../../../gen/feast/core/DataSource_pb.ts';
import type { FeatureServiceSpec } from '../../../gen/feast/core/FeatureService_pb.ts';
import type { FeatureViewSpec } from '../../../gen/feast/core/FeatureView_pb.ts';

/** What holds copies of data sources. */
type Holder = Pick<FeatureViewSpec, 'batchSource' | 'streamSource'>;

/** The data sources that a view's spec holds whole copies of, those behind push sources included. */
export function* sourcesOfView(
  spec: Holder & { readonly sourceViews?: readonly FeatureViewSpec[] },
): Generator<DataSource> {
  for (const source of [spec.batchSource, spec.streamSource]) if (source !== undefined) yield* withBatchSource(source);
  for (const view of spec.sourceViews ?? []) yield* sourcesOfView(view);
}

/** The data sources that a service's projections hold whole copies of. */
export function* sourcesOfService(spec: FeatureServiceSpec): Generator<DataSource> {
  for (const projection of spec.features) yield* sourcesOfView(projection);
}

/** A source and the batch source that a push or stream source wraps. */
export function* withBatchSource(source: DataSource): Generator<DataSource> {
  yield source;
  if (source.batchSource !== undefined) yield* withBatchSource(source.batchSource);
}

/** Removes from a source what the registry adds, and what Feast does not compare. */
export function stripSource(source: DataSource): void {
  source.project = '';
  delete source.meta;
  if (source.type !== DataSource_SourceType.CUSTOM_SOURCE) source.dataSourceClassType = '';
  // It has no members: set and unset mean the same.
  if (source.options.case === 'pushOptions') source.options = { case: undefined };
}

/** When data sources were made and changed, by name, as the copies of them in views and services tell it too. */
export type SourceTimes = (name: string) => { readonly created: Timestamp; readonly updated: Timestamp };

/** Gives copies of data sources the times of the sources themselves; a copy names no project. */
export function stampCopies(copies: Iterable<DataSource>, times: SourceTimes): void {
  for (const copy of copies) {
    const { created, updated } = times(copy.name);
    copy.project = '';
    copy.meta = create(DataSource_SourceMetaSchema, { createdTimestamp: created, lastUpdatedTimestamp: updated });
  }
}
