import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { DuckDBInstance } from '@duckdb/node-api';
import { DataSource_SourceType } from '../../gen/feast/core/DataSource_pb.ts';
import type { FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import { type Registry, RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { deserializeEntityKey } from '../../src/encoding/entity-key.ts';
import { decodeValue } from '../../src/encoding/value.ts';
import { loadSqliteDriver } from '../../src/stores/sqlite/sqlite-driver.ts';

/** A view to be loaded from a file. */
export interface SourceView {
  /** Default: `stats`. */
  readonly name?: string;
  /** Join keys by name; none for a view without entities. Default: `id`, an int64. */
  readonly keys?: Readonly<Record<string, ValueType_Enum>>;
  readonly features: Readonly<Record<string, ValueType_Enum>>;
  readonly uri: string;
  readonly s3Endpoint?: string;
  /** Default: `ts`. */
  readonly timestampField?: string;
  readonly createdField?: string;
  readonly fieldMapping?: Readonly<Record<string, string>>;
  readonly behindPushSource?: boolean;
  readonly ttlSeconds?: number;
  /** What differs from an ordinary view. */
  readonly spec?: { readonly online?: boolean; readonly featureTransformation?: object };
}

/** A project whose registry names files as sources, in a folder of its own. */
export interface SourceProject {
  readonly path: string;
  registry(): Registry;
  remove(): void;
}

export const SOURCE_PROJECT = 'loading';
export const SQLITE_STORE = { type: 'sqlite', path: 'data/online.db' } as const;

export function createSourceProject(onlineStore: object, views: readonly SourceView[]): SourceProject {
  const path = mkdtempSync(join(tmpdir(), 'sideboard-source-'));
  mkdirSync(join(path, 'data'));
  const keys = new Map(views.flatMap((view) => Object.entries(keysOf(view))));
  const registry = create(RegistrySchema, {
    registrySchemaVersion: '1',
    projects: [{ spec: { name: SOURCE_PROJECT } }],
    entities: [
      { spec: { name: '__dummy', joinKey: '__dummy_id', project: SOURCE_PROJECT } },
      ...[...keys].map(([name, valueType]) => ({ spec: { name, joinKey: name, valueType, project: SOURCE_PROJECT } })),
    ],
    featureViews: views.map(viewMessage),
  });
  const file = join(path, 'data', 'registry.db');
  writeFileSync(file, toBinary(RegistrySchema, registry));
  const lines = [
    `project: ${SOURCE_PROJECT}`,
    'provider: local',
    'registry: data/registry.db',
    `online_store: ${JSON.stringify(onlineStore)}`,
    'entity_key_serialization_version: 3',
  ];
  writeFileSync(join(path, 'feature_store.yaml'), `${lines.join('\n')}\n`);
  return {
    path,
    registry: () => fromBinary(RegistrySchema, readFileSync(file)),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

function keysOf({ keys = { id: ValueType_Enum.INT64 } }: SourceView): Readonly<Record<string, ValueType_Enum>> {
  return keys;
}

function viewMessage(view: SourceView): MessageInitShape<typeof FeatureViewSchema> {
  const names = Object.keys(keysOf(view));
  const column = ([name, valueType]: [string, ValueType_Enum]) => ({ name, valueType });
  const file = {
    name: 'file',
    type: DataSource_SourceType.BATCH_FILE,
    timestampField: view.timestampField ?? 'ts',
    createdTimestampColumn: view.createdField ?? '',
    fieldMapping: { ...view.fieldMapping },
    options: {
      case: 'fileOptions' as const,
      value: { uri: view.uri, s3EndpointOverride: view.s3Endpoint ?? '' },
    },
  };
  const push = { name: 'push', type: DataSource_SourceType.PUSH_SOURCE, batchSource: file };
  return {
    spec: {
      name: view.name ?? 'stats',
      project: SOURCE_PROJECT,
      entities: names.length === 0 ? ['__dummy'] : names,
      entityColumns: Object.entries(keysOf(view)).map(column),
      features: Object.entries(view.features).map(column),
      online: true,
      ttl: { seconds: BigInt(view.ttlSeconds ?? 0) },
      ...(view.behindPushSource === true ? { batchSource: file, streamSource: push } : { batchSource: file }),
      ...view.spec,
    },
    meta: {},
  };
}

/** Writes what a query of DuckDB gives into a file of the format that its name says. */
export async function writeSource(path: string, select: string): Promise<void> {
  const format = { '.parquet': 'parquet', '.csv': 'csv, header', '.jsonl': 'json' }[extname(path)];
  await runDuckdb(`COPY (${select}) TO '${path}' (FORMAT ${format})`);
}

export async function runDuckdb(...statements: readonly string[]): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', autoinstall_known_extensions: 'false' });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    for (const statement of statements) await connection.run(statement);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** What a project on SQLite stores of a view: per entity, in the order of their text, its key, times and decoded features. */
export async function storedInSqlite(project: SourceProject, view = 'stats'): Promise<readonly StoredEntity[]> {
  const Database = await loadSqliteDriver();
  const database = new Database(join(project.path, 'data', 'online.db'), { readonly: true });
  try {
    const rows = database
      .prepare(`SELECT entity_key, feature_name, value, event_ts, created_ts FROM "${SOURCE_PROJECT}_${view}"`)
      .all() as readonly SqliteRow[];
    const entities = new Map<string, StoredEntity>();
    for (const row of rows) {
      const key = deserializeEntityKey(row.entity_key).entityValues.map((value) => value.val.value);
      const text = key.map((value) => (value instanceof Uint8Array ? value.join(',') : String(value))).join('|');
      const entity = entities.get(text) ?? { key: text, event: row.event_ts, created: row.created_ts, values: {} };
      entity.values[row.feature_name] = decodeValue(row.value);
      entities.set(text, entity);
    }
    return [...entities.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  } finally {
    database.close();
  }
}

interface SqliteRow {
  readonly entity_key: Buffer;
  readonly feature_name: string;
  readonly value: Buffer;
  readonly event_ts: number;
  readonly created_ts: number | null;
}

export interface StoredEntity {
  readonly key: string;
  /** Whole seconds since 1970. */
  readonly event: number;
  readonly created: number | null;
  readonly values: Record<string, unknown>;
}
