import type { EventTimestamp, OnlineRow, OnlineTable } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { batchEntities } from '../sql/batch-cells.ts';
import { featuresInOrder } from '../sql/write-order.ts';
import { StoreError } from '../store-error.ts';
import type { WriteBlock } from '../write-block.ts';
import type { MysqlConnection } from './mysql-connection.ts';
import { hex, storedKey, tableName, text, timeLiteral, validateFeature } from './mysql-layout.ts';
import { type MysqlRowCells, MysqlUpsert, type MysqlWrite } from './mysql-upsert.ts';

/**
 * What is written of a batch; refuses rows that cannot be, before anything is.
 * @param keys the serialized entity keys of `rows`
 */
export function batchOf(
  write: MysqlWrite,
  rows: readonly OnlineRow[],
  keys: readonly Uint8Array[],
): { readonly features: ReadonlySet<string>; readonly writeTo: (connection: MysqlConnection) => Promise<void> } {
  const features = new Set(rows.flatMap((row) => [...row.values.keys()]));
  for (const feature of features) validateFeature(feature, write.table);
  const rowCells = rows.map((row, place) =>
    rowCellsOf(write, keys[place] ?? new Uint8Array(), row.eventTimestamp, row.createdTimestamp, place),
  );
  const entities = batchEntities(rows, keys, write.newestOnly);
  const writeTo = async (connection: MysqlConnection): Promise<void> => {
    const upsert = new MysqlUpsert(connection, write);
    for (const { cells } of entities) {
      for (const { feature, value, row } of cells) {
        upsert.add(rowCells[row] as MysqlRowCells, feature, hex(value));
        if (upsert.isFull) await upsert.flush();
      }
    }
    await upsert.flush();
  };
  return { features, writeTo };
}

/**
 * Writes rows of a block. Its bytes become hexadecimal once, of which every literal is a part.
 * @param rows their places in the block, in the order of their keys
 */
export async function writeBlockRows(
  connection: MysqlConnection,
  write: MysqlWrite,
  block: WriteBlock,
  rows: Iterable<number>,
): Promise<void> {
  const { features } = block;
  const digits = hex(block.bytes);
  const upsert = new MysqlUpsert(connection, write);
  const order = featuresInOrder(features);
  for (const row of rows) {
    const cells = rowCellsOf(write, block.keyAt(row), block.timestampAt(row), block.createdAt(row), row);
    for (const feature of order) {
      const value = digits.slice(block.startOf(row, feature + 1) * 2, block.endOf(row, feature + 1) * 2);
      upsert.add(cells, features[feature] as string, value);
      if (upsert.isFull) await upsert.flush();
    }
  }
  await upsert.flush();
}

function rowCellsOf(
  { table }: MysqlWrite,
  key: Uint8Array,
  event: EventTimestamp,
  created: EventTimestamp | undefined,
  place: number,
): MysqlRowCells {
  return {
    key: storedKey(key, place, table),
    eventTime: timeLiteral(event, place, table),
    createdTime: timeLiteral(created, place, table),
  };
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
