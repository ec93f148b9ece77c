import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { FeatureViewVersionHistorySchema } from '../../../gen/feast/core/FeatureViewVersion_pb.ts';
import { RegistrySchema } from '../../../gen/feast/core/Registry_pb.ts';
import { embeddedMessages, type ObjectKind, objectKinds, writeObject } from '../project-objects.ts';
import { RegistryError } from '../registry-error.ts';
import type { SqlQuery } from './sql-database.ts';

/*
 * The tables of Feast 0.67's SqlRegistry, as far as serving needs them: each row holds one serialized message of one project.
 * Older releases lack the last two and `projects`.
 */
interface ObjectTable {
  readonly name: string;
  readonly key: string;
  readonly proto: string;
  readonly kind: ObjectKind;
}

const objectTables: readonly ObjectTable[] = [
  objectTable('entities', 'entity', objectKinds.entity),
  objectTable('feature_views', 'feature_view', objectKinds.featureView),
  objectTable('feature_services', 'feature_service', objectKinds.featureService),
  objectTable('on_demand_feature_views', 'feature_view', objectKinds.onDemandFeatureView),
  objectTable('stream_feature_views', 'feature_view', objectKinds.streamFeatureView),
  objectTable('label_views', 'feature_view', objectKinds.labelView),
  objectTable('permissions', 'permission', objectKinds.permission),
];

const historyTable = 'feature_view_version_history';
const historyField = 18;

function objectTable(name: string, column: string, kind: ObjectKind): ObjectTable {
  return { name, key: `${column}_name`, proto: `${column}_proto`, kind };
}

/** What can be known about a project's rows without reading them. */
export interface SqlRegistryState {
  /** Differs when rows were added, removed or changed; changes within one second may leave it as it is. */
  readonly token: string;
  /** Size of all messages together, in bytes. */
  readonly size: number;
}

/** @returns `undefined` where the database has no table of a registry. */
export async function readState(
  query: SqlQuery,
  tables: ReadonlySet<string>,
  project: string,
): Promise<SqlRegistryState | undefined> {
  const counted = [
    ...objectTables.map(({ name, proto }) => ({ name, proto, time: 'last_updated_timestamp' })),
    { name: historyTable, proto: 'feature_view_proto', time: 'created_timestamp' },
  ].filter(({ name }) => tables.has(name));
  if (!tables.has('entities')) return undefined;
  const rows = await query(
    counted
      .map(
        ({ name, proto, time }) =>
          `SELECT '${name}', COUNT(*), MAX(${time}), SUM(LENGTH(${proto})) FROM ${name} WHERE project_id = ?`,
      )
      .join(' UNION ALL '),
    counted.map(() => project),
  );
  // Databases order the parts of a union as they like, and hand out whole numbers as numbers, texts or big integers.
  const facts = rows.map((row) => row.map((cell) => String(cell ?? 0))).sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  const names = await projectNames(query, tables);
  return {
    token: JSON.stringify([names.includes(project), facts]),
    size: facts.reduce((sum, [, , , length]) => sum + Number(length), 0),
  };
}

/**
 * The project's rows as a serialized `feast.core.Registry`, in the order of their names.
 * @throws RegistryError `REGISTRY_CORRUPT`, naming table and object.
 */
export async function readRegistryRows(
  query: SqlQuery,
  tables: ReadonlySet<string>,
  project: string,
  name: string,
): Promise<Uint8Array> {
  const writer = new BinaryWriter();
  for (const table of objectTables) {
    if (!tables.has(table.name)) continue;
    const { key, proto, kind } = table;
    const rows = await query(`SELECT ${key}, ${proto} FROM ${table.name} WHERE project_id = ? ORDER BY ${key}`, [
      project,
    ]);
    for (const [object, cell] of rows) {
      const message = wholeMessage(cell, `${name}: ${table.name} "${String(object)}"`);
      writeObject(writer, kind, message, project);
    }
  }
  if (tables.has(historyTable)) {
    writer.tag(historyField, WireType.LengthDelimited).bytes(await readHistory(query, project, name));
  }
  const projects = (await projectNames(query, tables)).map((each) => ({ spec: { name: each } }));
  const lastUpdated = await lastUpdate(query, tables, project);
  writer.raw(toBinary(RegistrySchema, create(RegistrySchema, { projects, lastUpdated: timestampFromMs(lastUpdated) })));
  return writer.finish();
}

async function readHistory(query: SqlQuery, project: string, name: string): Promise<Uint8Array> {
  const rows = await query(
    'SELECT feature_view_name, version_number, feature_view_type, feature_view_proto, created_timestamp, description, ' +
      `version_id FROM ${historyTable} WHERE project_id = ? ORDER BY feature_view_name, version_number`,
    [project],
  );
  const records = rows.map(([view, version, type, proto, created, description, id]) => ({
    featureViewName: String(view),
    projectId: project,
    versionNumber: Number(version),
    featureViewType: String(type),
    featureViewProto: wholeMessage(proto, `${name}: version ${String(version)} of "${String(view)}"`),
    createdTimestamp: timestampFromMs(Number(created) * 1000),
    description: description == null ? '' : String(description),
    versionId: String(id),
  }));
  return toBinary(FeatureViewVersionHistorySchema, create(FeatureViewVersionHistorySchema, { records }));
}

async function projectNames(query: SqlQuery, tables: ReadonlySet<string>): Promise<readonly string[]> {
  const table = tables.has('projects') ? 'projects' : 'feast_metadata';
  if (!tables.has(table)) return [];
  const rows = await query(`SELECT DISTINCT project_id FROM ${table} ORDER BY project_id`);
  return rows.map(([id]) => String(id));
}

/** In milliseconds; the rows have seconds. */
async function lastUpdate(query: SqlQuery, tables: ReadonlySet<string>, project: string): Promise<number> {
  const table = tables.has('projects') ? 'projects' : 'feast_metadata';
  if (!tables.has(table)) return 0;
  const [row] = await query(`SELECT MAX(last_updated_timestamp) FROM ${table} WHERE project_id = ?`, [project]);
  return Number(row?.[0] ?? 0) * 1000;
}

/**
 * Steps over the fields of a serialized message, so that one that is cut off is found by name. MySQL tables that an older
 * Feast made cut messages off at 64 KB.
 */
function wholeMessage(cell: unknown, where: string): Uint8Array {
  if (cell instanceof Uint8Array && cell.length > 0) {
    try {
      for (const _ of embeddedMessages(cell));
      return cell;
    } catch {
      // Told below.
    }
  }
  const length = cell instanceof Uint8Array ? `${cell.length} bytes` : 'no bytes';
  throw new RegistryError('REGISTRY_CORRUPT', `The ${where} is cut off or not a message (${length}).`, {
    hint:
      length === '65535 bytes'
        ? 'The column is a BLOB, which holds 64 KB: change it to LONGBLOB, then run `feast apply` again.'
        : 'Run `feast apply` again.',
  });
}
