import { fromBinary } from '@bufbuild/protobuf';
import type { DataSource } from '../../gen/feast/core/DataSource_pb.ts';
import type { FeatureSpecV2 } from '../../gen/feast/core/Feature_pb.ts';
import { type FeatureView, FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import type { Registry } from '../../gen/feast/core/Registry_pb.ts';
import type { DefinitionFindings, Place } from './definition-findings.ts';

/** What a projection copies of a view, of its definition or of an earlier version. */
export interface ViewCopy {
  /** For messages. */
  readonly label: string;
  readonly features: readonly FeatureSpecV2[];
  readonly joinKeys: readonly string[];
  /** Without project, class and times. */
  readonly batchSource: DataSource | undefined;
}

/** The earlier versions of views, which a registry keeps and definitions do not hold. */
export class PinnedViews {
  readonly #registry: Registry | undefined;
  readonly #project: string;
  readonly #findings: DefinitionFindings;

  constructor(registry: Registry | undefined, project: string, findings: DefinitionFindings) {
    this.#registry = registry;
    this.#project = project;
    this.#findings = findings;
  }

  /** A version of a view; its definition as it is where no registry is known. Nothing, and a finding, where it does not exist. */
  copyOf(view: string, version: number, place: Place, current: ViewCopy): ViewCopy | undefined {
    if (this.#registry === undefined) return current;
    const records = (this.#registry.featureViewVersionHistory?.records ?? []).filter(
      (record) =>
        record.projectId === this.#project &&
        record.featureViewName === view &&
        record.featureViewType === 'feature_view',
    );
    const label = `version ${version} of the feature view "${view}"`;
    const record = records.find(({ versionNumber }) => versionNumber === version);
    if (record === undefined) {
      const known = records.map(({ versionNumber }) => `v${versionNumber}`);
      const hint =
        known.length === 0 ? 'It has none: versions are made by applying a view.' : `There are ${known.join(', ')}.`;
      this.#findings.add('DEFINITIONS_UNKNOWN_REFERENCE', place, `the registry holds no ${label}.`, hint);
      return undefined;
    }
    const message = parsed(record.featureViewProto);
    if (message?.spec === undefined) {
      this.#findings.add('DEFINITIONS_INVALID', place, `what the registry holds as ${label} cannot be read.`);
      return undefined;
    }
    const { features, entityColumns, batchSource } = message.spec;
    return { label, features, joinKeys: entityColumns.map(({ name }) => name), batchSource: plain(batchSource) };
  }
}

function parsed(bytes: Uint8Array): FeatureView | undefined {
  try {
    return fromBinary(FeatureViewSchema, bytes);
  } catch {
    return undefined;
  }
}

function plain(source: DataSource | undefined): DataSource | undefined {
  if (source === undefined) return undefined;
  source.project = '';
  source.dataSourceClassType = '';
  delete source.meta;
  return source;
}
