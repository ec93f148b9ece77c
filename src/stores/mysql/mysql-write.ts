import type { OnlineRow, OnlineTable } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import type { MysqlConnection } from './mysql-connection.ts';
import { isTooLong } from './mysql-errors.ts';
import {
  MAX_BLOB_BYTES,
  type MysqlCell,
  storedKey,
  tableName,
  text,
  timeLiteral,
  upsertSql,
  validateFeature,
} from './mysql-layout.ts';

/** Values of one statement. */
const MAX_CELLS = 1000;
/** Bytes of one statement's values: half of them, in hexadecimal, with room to spare below every max_allowed_packet. */
const MAX_STATEMENT_BYTES = 256 * 1024;

/**
 * What a batch stores, the last write of an entity's feature only, in the order of the keys: writers that lock rows in the
 * same order do not wait for each other in a circle.
 * @param keys the serialized entity keys of `rows`
 */
export function cellsOf(table: OnlineTable, rows: readonly OnlineRow[], keys: readonly Uint8Array[]): MysqlCell[] {
  const entities = new Map<string, Map<string, MysqlCell>>();
  for (const [index, row] of rows.entries()) {
    const key = storedKey(keys[index] ?? new Uint8Array(), index, table);
    const eventTime = timeLiteral(row.eventTimestamp, index, table);
    const createdTime = timeLiteral(row.createdTimestamp, index, table);
    const cells = entities.get(key) ?? new Map<string, MysqlCell>();
    entities.set(key, cells);
    for (const [feature, value] of row.values) {
      validateFeature(feature, table);
      cells.set(feature, { key, feature, value, eventTime, createdTime });
    }
  }
  return [...entities.keys()]
    .sort()
    .flatMap((key) => [...(entities.get(key) ?? new Map<string, MysqlCell>()).values()]);
}

/** Writes cells in statements of bounded size. */
export async function upsertCells(
  connection: MysqlConnection,
  table: OnlineTable,
  cells: readonly MysqlCell[],
): Promise<void> {
  for (let start = 0; start < cells.length; ) {
    const end = statementEnd(cells, start);
    const part = cells.slice(start, end);
    try {
      await connection.change(upsertSql(tableName(table), part));
    } catch (error) {
      throw isTooLong(error) ? tooLong(table, part, error) : error;
    }
    start = end;
  }
}

/**
 * Features of a view whose names the table's collation takes for the same would overwrite each other.
 * @throws StoreError `STORE_INVALID_ROW`
 */
export async function validateNames(
  connection: MysqlConnection,
  table: OnlineTable,
  names: readonly string[],
): Promise<void> {
  const [column] = await connection.query(`
    SELECT character_set_name, collation_name FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = ${text(tableName(table))} AND column_name = 'feature_name'`);
  const [charset, collation] = (column ?? []).map(String);
  if (charset === undefined || collation === undefined || !/^\w+$/.test(charset + collation) || names.length < 2)
    return;
  const [same] = await connection.query(`
    SELECT GROUP_CONCAT(n SEPARATOR '" and "')
    FROM (${names.map((name) => `SELECT ${text(name)} AS n`).join(' UNION ALL ')}) names
    GROUP BY CONVERT(n USING ${charset}) COLLATE ${collation}
    HAVING COUNT(*) > 1
    LIMIT 1`);
  if (same === undefined) return;
  throw new StoreError(
    'STORE_INVALID_ROW',
    `Features "${String(same[0])}" of ${describeTable(table)} are the same to MySQL (collation ${collation}).`,
    {
      hint:
        `Give them other names, or let MySQL tell them apart: ALTER TABLE ${tableName(table)} MODIFY feature_name ` +
        'VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL.',
    },
  );
}

function statementEnd(cells: readonly MysqlCell[], start: number): number {
  let end = start;
  for (let size = 0; end < cells.length && end - start < MAX_CELLS && size < MAX_STATEMENT_BYTES; end++) {
    size += cells[end]?.value.length ?? 0;
  }
  return end;
}

function tooLong(table: OnlineTable, cells: readonly MysqlCell[], cause: unknown): StoreError {
  const largest = cells.reduce((a, b) => (a.value.length >= b.value.length ? a : b));
  const what =
    largest.value.length > MAX_BLOB_BYTES
      ? `A value of feature "${largest.feature}" has ${largest.value.length} bytes`
      : 'A value, key or name has more bytes';
  return new StoreError('STORE_INVALID_ROW', `${what}, more than its column in the table of ${describeTable(table)}.`, {
    hint: `Feast creates the column value as BLOB, for ${MAX_BLOB_BYTES} bytes; ALTER TABLE ... MODIFY value MEDIUMBLOB takes more.`,
    cause: new Error(cause instanceof Error ? cause.message : String(cause)),
  });
}
