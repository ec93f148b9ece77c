import assert from 'node:assert/strict';
import { deserializeEntityKey } from '../../src/encoding/entity-key.ts';
import type { EventTimestamp, OnlineRow, OnlineTable, StoredRow } from '../../src/stores/online-store.ts';
import { readGolden, readGoldenLines } from './golden.ts';
import { goldenProject, tableWith } from './golden-stores.ts';

/** A line of a recorded `rows.jsonl` of MySQL or PostgreSQL. */
export interface RecordedSqlRow {
  readonly table: string;
  /** Hexadecimal: MySQL's column holds it as such, PostgreSQL's holds the bytes. */
  readonly entity_key?: string;
  readonly entity_key_hex?: string;
  readonly feature_name: string;
  readonly value_hex: string;
  readonly value_text?: string | null;
  /** As the database prints it: UTC, with an offset in PostgreSQL. */
  readonly event_ts: string;
  readonly created_ts: string | null;
}

export interface RecordedTable {
  readonly table: OnlineTable;
  /** The features of each entity that were stored with the same times. */
  readonly rows: readonly OnlineRow[];
}

/** The recorded rows of a repo as rows to write, table by table. */
export function recordedTables(store: 'mysql' | 'postgres', repo: string): readonly RecordedTable[] {
  const project = goldenProject(store, repo);
  const recorded = readGoldenLines<RecordedSqlRow>(store, repo, 'rows.jsonl');
  return [...new Set(recorded.map((row) => row.table))].map((name) => {
    const ofTable = recorded.filter((row) => row.table === name);
    const features = new Set(ofTable.map((row) => row.feature_name));
    const groups = new Map<string, RecordedSqlRow[]>();
    for (const row of ofTable) {
      const id = `${keyHex(row)} ${row.event_ts} ${row.created_ts}`;
      groups.set(id, [...(groups.get(id) ?? []), row]);
    }
    const rows = [...groups.values()].map((cells): OnlineRow => {
      const [first] = cells;
      assert.ok(first);
      return {
        entityKey: deserializeEntityKey(Buffer.from(keyHex(first), 'hex')),
        values: new Map(cells.map((cell) => [cell.feature_name, Buffer.from(cell.value_hex, 'hex')])),
        eventTimestamp: timeOf(first.event_ts),
        ...(first.created_ts === null ? {} : { createdTimestamp: timeOf(first.created_ts) }),
      };
    });
    return { table: tableWith(project, name.slice(project.length + 1), [], features), rows };
  });
}

interface DatabaseServer {
  createDatabase(name: string, collation?: string): Promise<void>;
  query(sql: string, database?: string): Promise<unknown>;
}

/** Makes a database as Feast left it. */
export async function restoreMysqlRepo(server: DatabaseServer, database: string, repo: string): Promise<void> {
  // The collation of the recorded one; the server's default may be another.
  await server.createDatabase(database, 'utf8mb4_general_ci');
  const inserts = readGoldenLines<RecordedSqlRow>('mysql', repo, 'rows.jsonl').map((row) => {
    const columns = `'${row.entity_key}', '${row.feature_name}', X'${row.value_hex}'`;
    return `INSERT INTO \`${row.table}\` VALUES (${columns}, ${literal(row.event_ts)}, ${literal(row.created_ts)})`;
  });
  const schema = readGolden('mysql', repo, 'schema.sql').toString('utf8');
  await server.query(`${schema}\n${inserts.join(';\n')}`, database);
}

/** Makes a database as Feast left it. */
export async function restorePostgresRepo(server: DatabaseServer, database: string, repo: string): Promise<void> {
  await server.createDatabase(database);
  // Without lines for the psql program, and without the line that clears the search path for what follows.
  const schema = readGolden('postgres', repo, 'schema.sql').toString('utf8');
  const statements = schema.replace(/^\\.*$/gm, '').replace(/^SELECT pg_catalog\.set_config.*$/m, '');
  const inserts = readGoldenLines<RecordedSqlRow>('postgres', repo, 'rows.jsonl').map((row) => {
    const columns = `'\\x${row.entity_key_hex}', '${row.feature_name}', '\\x${row.value_hex}'`;
    return `INSERT INTO "${row.table}" (entity_key, feature_name, value, event_ts, created_ts)
      VALUES (${columns}, ${literal(row.event_ts)}, ${literal(row.created_ts)});`;
  });
  await server.query([statements, ...inserts].join('\n'), database);
}

function literal(text: string | null): string {
  return text === null ? 'NULL' : `'${text}'`;
}

export function keyHex(row: RecordedSqlRow): string {
  return row.entity_key ?? row.entity_key_hex ?? '';
}

export function plainRow(row: StoredRow | OnlineRow | undefined): unknown {
  if (row === undefined) return undefined;
  const values = [...row.values].map(([name, value]) => [name, Buffer.from(value).toString('hex')]);
  return [row.eventTimestamp, values.sort()];
}

function timeOf(text: string): EventTimestamp {
  const [, seconds = '', fraction = ''] = /^([^.+]*)(?:\.(\d+))?(?:\+00)?$/.exec(text) ?? [];
  const at = Date.parse(`${seconds.replace(' ', 'T')}Z`) / 1000;
  assert.ok(Number.isInteger(at), text);
  return { seconds: at, nanos: Number(fraction.padEnd(9, '0')) };
}
