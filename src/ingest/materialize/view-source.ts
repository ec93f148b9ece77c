import type { DataSource } from '../../../gen/feast/core/DataSource_pb.ts';
import type { MaterializationInterval } from '../../../gen/feast/core/FeatureView_pb.ts';
import type { Registry } from '../../../gen/feast/core/Registry_pb.ts';
import { declaredFileFormat, type FileSourceFormat } from '../../definitions/file-format.ts';
import type { TimePoint } from '../../encoding/timestamp.ts';
import type { RegistrySnapshot } from '../../registry/registry-snapshot.ts';
import { IngestError } from '../ingest-error.ts';
import { MaterializeError } from '../materialize-error.ts';
import { writableView } from '../writable-view.ts';
import { compare } from './interval.ts';

/** Where the rows of a view come from, as its registry says. */
export interface ViewSource {
  readonly view: string;
  /** Path or URL, as it was defined. */
  readonly uri: string;
  /** What its files are, where it says so. */
  readonly format: FileSourceFormat | undefined;
  /** Where `s3://` is asked in place of AWS; empty for AWS. */
  readonly s3Endpoint: string;
  readonly timestampField: string;
  /** Empty where there is none. */
  readonly createdField: string;
  /** Feature, join key or timestamp to the source's column of another name. */
  readonly columns: ReadonlyMap<string, string>;
  /** Latest end of the intervals that were loaded. */
  readonly lastEnd: TimePoint | undefined;
}

/** What the kinds of views that can be loaded have in common. */
interface LoadableView {
  readonly name: string;
  readonly online: boolean;
  readonly disabled: boolean;
  /** Why no file can be loaded for it; `undefined` where it can. */
  readonly obstacle: string | undefined;
  readonly source: DataSource | undefined;
  readonly intervals: readonly MaterializationInterval[];
}

export interface ChosenViews {
  readonly sources: readonly ViewSource[];
  /** Views that belong to the online store and that are left out although nobody asked for that. */
  readonly leftOut: readonly string[];
}

/**
 * The views to load: all that are online and enabled, as Feast chooses, or those that are named.
 * @throws IngestError `INGEST_UNKNOWN_VIEW`, `INGEST_VIEW_NOT_WRITABLE`
 * @throws MaterializeError `MATERIALIZE_SOURCE_UNSUPPORTED`
 */
export function chooseViews(
  registry: Registry,
  snapshot: RegistrySnapshot,
  names: readonly string[] | undefined,
): ChosenViews {
  const views = loadableViews(registry, snapshot.project);
  if (names !== undefined) {
    return { sources: [...new Set(names)].map((name) => sourceOf(named(name, views, snapshot))), leftOut: [] };
  }
  const chosen = [...views.values()].filter((view) => view.online && !view.disabled && snapshot.views.has(view.name));
  const leftOut = [...snapshot.views.values()].filter((view) => view.onDemand !== undefined && view.online);
  return { sources: chosen.map(sourceOf), leftOut: leftOut.map((view) => view.name) };
}

function named(name: string, views: ReadonlyMap<string, LoadableView>, snapshot: RegistrySnapshot): LoadableView {
  const { kind } = writableView(snapshot, name);
  const view = views.get(name);
  if (view === undefined) {
    const what = kind === 'label_view' ? 'a label view: labels are pushed' : `of a kind (${kind}) that has no source`;
    throw new IngestError('INGEST_VIEW_NOT_WRITABLE', `"${name}" is ${what}.`, { hint: 'Push or write its rows.' });
  }
  if (view.disabled) {
    throw new IngestError('INGEST_VIEW_NOT_WRITABLE', `Feature view "${name}" is disabled.`, {
      hint: 'Enable it and apply the definitions.',
    });
  }
  return view;
}

function loadableViews(registry: Registry, project: string): ReadonlyMap<string, LoadableView> {
  const views = new Map<string, LoadableView>();
  for (const { spec, meta } of registry.featureViews) {
    if (spec === undefined || spec.project !== project) continue;
    const obstacle =
      spec.featureTransformation !== undefined
        ? 'is transformed by a function'
        : spec.sourceViews.length > 0
          ? 'is made from other views'
          : undefined;
    const intervals = meta?.materializationIntervals ?? [];
    views.set(spec.name, { ...spec, obstacle, source: spec.batchSource, intervals });
  }
  for (const { spec, meta } of registry.streamFeatureViews) {
    if (spec === undefined || spec.project !== project) continue;
    const transformed = spec.featureTransformation !== undefined || spec.userDefinedFunction !== undefined;
    const obstacle = transformed
      ? 'is transformed by a function'
      : spec.aggregations.length > 0
        ? 'is aggregated'
        : undefined;
    const intervals = meta?.materializationIntervals ?? [];
    views.set(spec.name, { ...spec, obstacle, source: spec.batchSource, intervals });
  }
  return views;
}

function sourceOf({ name, obstacle, source, intervals }: LoadableView): ViewSource {
  if (obstacle !== undefined) {
    throw new IngestError('INGEST_VIEW_NOT_WRITABLE', `The source of "${name}" ${obstacle}, which only Feast can do.`, {
      hint: 'Load it with `feast materialize`, and name the other views with --views.',
    });
  }
  // A push source stands for the batch source that it wraps.
  const batch = source?.batchSource ?? source;
  if (batch?.options.case !== 'fileOptions' || batch.options.value.uri === '') {
    const what = batch === undefined ? 'no batch source' : `no file as its batch source (${kindOf(batch)})`;
    throw new MaterializeError('MATERIALIZE_SOURCE_UNSUPPORTED', `View "${name}" has ${what}.`, {
      hint: 'Load it with `feast materialize`, and name the other views with --views.',
    });
  }
  const { uri, s3EndpointOverride } = batch.options.value;
  const format = declaredFileFormat(batch);
  if (format === 'delta') {
    throw new MaterializeError('MATERIALIZE_SOURCE_UNSUPPORTED', `The source of "${name}" is a Delta table.`, {
      hint: 'Parquet, CSV and JSON lines are read. Load it with `feast materialize`.',
    });
  }
  const reverse = new Map(Object.entries(batch.fieldMapping).map(([column, mapped]) => [mapped, column]));
  if (batch.timestampField === '') {
    throw new MaterializeError('MATERIALIZE_MISSING_COLUMN', `The source of "${name}" names no timestamp column.`, {
      hint: 'Set timestamp_field on the source and apply the definitions.',
    });
  }
  return {
    view: name,
    uri,
    format,
    s3Endpoint: s3EndpointOverride,
    timestampField: reverse.get(batch.timestampField) ?? batch.timestampField,
    createdField: reverse.get(batch.createdTimestampColumn) ?? batch.createdTimestampColumn,
    columns: reverse,
    lastEnd: latestEnd(intervals),
  };
}

function kindOf(source: DataSource): string {
  return source.options.case?.replace(/Options$/, '') ?? 'of an unknown kind';
}

function latestEnd(intervals: readonly MaterializationInterval[]): TimePoint | undefined {
  let latest: TimePoint | undefined;
  for (const { endTime } of intervals) {
    if (endTime === undefined) continue;
    const end = { seconds: Number(endTime.seconds), nanos: endTime.nanos };
    if (latest === undefined || compare(end, latest) > 0) latest = end;
  }
  return latest;
}
