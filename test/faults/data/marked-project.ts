import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { stringify } from 'yaml';
import { DataSource_SourceType, DataSourceSchema } from '../../../gen/feast/core/DataSource_pb.ts';
import { RegistrySchema } from '../../../gen/feast/core/Registry_pb.ts';
import { EntityKeySchema } from '../../../gen/feast/types/EntityKey_pb.ts';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { openProject } from '../../../src/cli/composition.ts';
import type { OnlineRow, OnlineStore, OnlineTable } from '../../../src/stores/online-store.ts';
import { onlineEntitiesOfSnapshot, onlineTablesOfSnapshot } from '../../../src/stores/online-table.ts';
import { ENTITY, FIRST_SECOND, JOIN_KEY, type MarkedView, markedBytes, markedViews, PROJECT } from './marked-data.ts';

/** 2026-01-01T00:00:00Z */
const meta = {
  createdTimestamp: { seconds: 1_767_225_600n, nanos: 0 },
  lastUpdatedTimestamp: { seconds: 1_767_225_600n, nanos: 0 },
};
const VERSION_ID = '00000000-0000-4000-8000-000000000000';
const BATCH = 100;
const WRITE_TRIES = 10;

/** Sections of `feature_store.yaml`. */
export interface MarkedProjectOptions {
  readonly onlineStore: Readonly<Record<string, unknown>>;
  readonly sideboard?: Readonly<Record<string, unknown>>;
  /** Further sections, or others in place of the usual ones. */
  readonly sections?: Readonly<Record<string, unknown>>;
}

/** Writes `feature_store.yaml` and `registry.db` of the marked data, for Sideboard and Feast alike. */
export function writeMarkedProject(repo: string, { onlineStore, sideboard, sections }: MarkedProjectOptions): void {
  mkdirSync(repo, { recursive: true });
  writeFileSync(join(repo, 'registry.db'), markedRegistry());
  const config = {
    project: PROJECT,
    provider: 'local',
    registry: 'registry.db',
    online_store: onlineStore,
    offline_store: { type: 'file' },
    entity_key_serialization_version: 3,
    ...(sideboard === undefined ? {} : { sideboard }),
    ...sections,
  };
  writeFileSync(join(repo, 'feature_store.yaml'), stringify(config));
}

/** A serialized `feast.core.Registry`: one entity, and the two views over files that need not exist. */
export function markedRegistry(): Uint8Array {
  const sources = new Map(markedViews.map((view) => [view.name, sourceOf(view)]));
  return toBinary(
    RegistrySchema,
    create(RegistrySchema, {
      registrySchemaVersion: '1',
      versionId: VERSION_ID,
      lastUpdated: meta.lastUpdatedTimestamp,
      projects: [{ spec: { name: PROJECT }, meta }],
      projectMetadata: [{ project: PROJECT, projectUuid: VERSION_ID }],
      dataSources: [...sources.values()].map((source) => ({ ...source, project: PROJECT })),
      entities: [
        { spec: { name: ENTITY, joinKey: JOIN_KEY, valueType: ValueType_Enum.INT64, project: PROJECT }, meta },
      ],
      featureViews: markedViews.map((view) => ({
        spec: {
          name: view.name,
          project: PROJECT,
          entities: [ENTITY],
          entityColumns: [{ name: JOIN_KEY, valueType: ValueType_Enum.INT64 }],
          features: view.features.map(({ name, type }) => ({ name, valueType: type })),
          ttl: { seconds: 0n },
          batchSource: sources.get(view.name),
          online: true,
          version: 'latest',
        },
        meta,
      })),
    }),
  );
}

function sourceOf(view: MarkedView) {
  return create(DataSourceSchema, {
    type: DataSource_SourceType.BATCH_FILE,
    name: `${view.name}_source`,
    timestampField: 'event_timestamp',
    dataSourceClassType: 'feast.infra.offline_stores.file_source.FileSource',
    options: { case: 'fileOptions', value: { uri: `data/${view.name}.parquet` } },
    meta,
  });
}

export function markedRow(view: MarkedView, entity: number, version: number): OnlineRow {
  return {
    entityKey: create(EntityKeySchema, {
      joinKeys: [JOIN_KEY],
      entityValues: [{ val: { case: 'int64Val', value: BigInt(entity) } }],
    }),
    values: new Map(view.features.map((feature) => [feature.name, markedBytes({ feature, entity, version })])),
    eventTimestamp: { seconds: FIRST_SECOND + version, nanos: 0 },
  };
}

/** The stored side of the project: its store as Sideboard's own writers use it. */
export interface MarkedStore {
  readonly store: OnlineStore;
  tableOf(view: MarkedView): OnlineTable;
  /** Writes all views of these entities in a version. */
  write(entities: readonly number[], version: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens the project's store and makes its tables. */
export async function openMarkedStore(repo: string): Promise<MarkedStore> {
  const project = await openProject({ location: { repo }, env: process.env, warn: () => {} });
  const snapshot = project.registry.current();
  const tables = onlineTablesOfSnapshot(snapshot, { versioned: false });
  const tableOf = ({ name }: MarkedView): OnlineTable => {
    const table = tables.find((each) => each.name === name);
    if (table === undefined) throw new Error(`the registry has no view ${name}`);
    return table;
  };
  await project.store.update({
    tablesToKeep: tables,
    tablesToDelete: [],
    entitiesToKeep: onlineEntitiesOfSnapshot(snapshot),
    entitiesToDelete: [],
    partial: false,
  });
  return {
    store: project.store,
    tableOf,
    async write(entities, version) {
      for (const view of markedViews) {
        for (let first = 0; first < entities.length; first += BATCH) {
          const rows = entities.slice(first, first + BATCH).map((entity) => markedRow(view, entity, version));
          await persistently(() => project.store.onlineWriteBatch(tableOf(view), rows));
        }
      }
    },
    close: () => project.close(),
  };
}

/** The same rows may be written again: a server that has just started on a busy machine may be too slow at first. */
async function persistently(write: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await write();
      return;
    } catch (error) {
      if (attempt === WRITE_TRIES) throw error;
    }
  }
}

/** Makes the tables and writes the entities 1 to `population` in version 1. */
export async function fillMarkedProject(repo: string, population: number): Promise<void> {
  const store = await openMarkedStore(repo);
  try {
    await store.write(
      Array.from({ length: population }, (_, index) => index + 1),
      1,
    );
  } finally {
    await store.close();
  }
}
