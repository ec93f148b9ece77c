import { create, toBinary } from '@bufbuild/protobuf';
import { DataSource_SourceType, DataSourceSchema } from '../../gen/feast/core/DataSource_pb.ts';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { type BenchView, benchViews, ENTITY, JOIN_KEY, PROJECT } from './feature-data.ts';
import { type Workload, workloads } from './workload.ts';

export interface RegistryOptions {
  /** Seconds that the values of a view live, by the view's name; those that are not named live for ever. */
  readonly ttlSeconds?: Readonly<Record<string, number>>;
}

const FILE_SOURCE = 'feast.infra.offline_stores.file_source.FileSource';
/** 2026-01-01T00:00:00Z */
const APPLIED = { seconds: 1_767_225_600n, nanos: 0 };
const meta = { createdTimestamp: APPLIED, lastUpdatedTimestamp: APPLIED };
/** Entities, views and services have a version id of this form; any will do. */
const VERSION_ID = '00000000-0000-4000-8000-000000000000';

/**
 * A serialized `feast.core.Registry` as `feast apply` would write it, which Feast's servers load as well: one entity, five
 * views over files that need not exist, and a feature service per workload.
 */
export function registryBytes({ ttlSeconds = {} }: RegistryOptions = {}): Uint8Array {
  const sources = new Map(benchViews.map((view) => [view.name, sourceOf(view)]));
  return toBinary(
    RegistrySchema,
    create(RegistrySchema, {
      registrySchemaVersion: '1',
      versionId: VERSION_ID,
      lastUpdated: APPLIED,
      projects: [{ spec: { name: PROJECT }, meta }],
      projectMetadata: [{ project: PROJECT, projectUuid: VERSION_ID }],
      dataSources: [...sources.values()].map((source) => ({ ...source, project: PROJECT })),
      entities: [
        { spec: { name: ENTITY, joinKey: JOIN_KEY, valueType: ValueType_Enum.INT64, project: PROJECT }, meta },
      ],
      featureViews: benchViews.map((view) => ({
        spec: {
          name: view.name,
          project: PROJECT,
          entities: [ENTITY],
          entityColumns: [{ name: JOIN_KEY, valueType: ValueType_Enum.INT64 }],
          features: specsOf(view),
          ttl: { seconds: BigInt(ttlSeconds[view.name] ?? 0) },
          batchSource: sources.get(view.name),
          online: true,
          version: 'latest',
        },
        meta,
      })),
      featureServices: workloads.map((workload) => ({
        spec: { name: workload.service, project: PROJECT, features: projectionsOf(workload) },
        meta,
      })),
    }),
  );
}

function sourceOf(view: BenchView) {
  return create(DataSourceSchema, {
    type: DataSource_SourceType.BATCH_FILE,
    name: `${view.name}_source`,
    timestampField: 'event_timestamp',
    dataSourceClassType: FILE_SOURCE,
    options: { case: 'fileOptions', value: { uri: `data/${view.name}.parquet` } },
    meta,
  });
}

function specsOf(view: BenchView) {
  return view.features.map(({ name, type }) => ({ name, valueType: type }));
}

function projectionsOf({ features }: Workload) {
  return benchViews
    .map((view) => ({
      view,
      asked: new Set(features.filter((each) => each.view === view.name).map((each) => each.name)),
    }))
    .filter(({ asked }) => asked.size > 0)
    .map(({ view, asked }) => ({
      featureViewName: view.name,
      featureColumns: specsOf(view).filter(({ name }) => asked.has(name)),
      viewType: 'featureView',
    }));
}
