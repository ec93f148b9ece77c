import { fromBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '../../../gen/feast/types/Value_pb.ts';
import type { OnlineRow, OnlineTable } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { pythonFloat, type SearchColumns, searchColumns } from '../sql/search-columns.ts';
import { APPLY } from '../sql/sql-errors.ts';
import { StoreError } from '../store-error.ts';
import type { PostgresConnection } from './postgres-connection.ts';
import { bytesArray, columnsSql, quoteName, timeText, validateKey } from './postgres-layout.ts';

/** Values of one statement, and their bytes. */
const MAX_CELLS = 2000;
const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;

/** A value of one feature of one entity, as it is written. */
export interface PostgresCell {
  readonly key: Uint8Array;
  readonly feature: string;
  readonly value: Uint8Array;
  readonly search: SearchColumns;
  readonly vector: string | null;
  readonly eventTime: string;
  readonly createdTime: string | null;
}

/**
 * What a batch stores, the last write of an entity's feature only: one statement takes each just once. In the order of the
 * keys: writers that lock rows in the same order do not wait for each other in a circle.
 * @param keys the serialized entity keys of `rows`
 */
export function cellsOf(
  table: OnlineTable,
  rows: readonly OnlineRow[],
  keys: readonly Uint8Array[],
  vectors: boolean,
): PostgresCell[] {
  const entities = new Map<string, Map<string, PostgresCell>>();
  for (const [index, row] of rows.entries()) {
    const key = keys[index] ?? new Uint8Array();
    validateKey(key, index, table);
    const id = Buffer.from(key).toString('latin1');
    const eventTime = timeText(row.eventTimestamp, index, table);
    const createdTime = row.createdTimestamp === undefined ? null : timeText(row.createdTimestamp, index, table);
    const cells = entities.get(id) ?? new Map<string, PostgresCell>();
    entities.set(id, cells);
    for (const [feature, value] of row.values) {
      const { search, vector } = describeValue(
        value,
        vectors,
        () => `Feature "${feature}" in row ${index} of ${describeTable(table)}`,
      );
      cells.set(feature, { key, feature, value, search, vector, eventTime, createdTime });
    }
  }
  return [...entities.keys()].sort().flatMap((id) => {
    const cells = [...(entities.get(id) ?? new Map<string, PostgresCell>()).values()];
    return cells.sort((a, b) => (a.feature < b.feature ? -1 : 1));
  });
}

/** Writes cells in statements of bounded size. */
export async function upsertCells(
  connection: PostgresConnection,
  name: string,
  cells: readonly PostgresCell[],
): Promise<void> {
  const table = quoteName(name);
  const described = await connection.change(columnsSql, [table]);
  if (described.length === 0) {
    throw new StoreError('STORE_TABLE_MISSING', `PostgreSQL has no table ${table}.`, { hint: APPLY });
  }
  const columns = columnsOf(new Map(described.map(([column, type]) => [String(column), String(type)])));
  const sql = upsertSql(table, columns);
  for (let start = 0; start < cells.length; ) {
    const end = statementEnd(cells, start);
    const part = cells.slice(start, end);
    await connection.change(
      sql,
      columns.map((column) => column.values(part)),
    );
    start = end;
  }
}

interface WrittenColumn {
  readonly name: string;
  /** Type of the array that its values travel in. */
  readonly arrayType: string;
  /** Type that each value is turned into. */
  readonly type: string;
  readonly values: (cells: readonly PostgresCell[]) => unknown;
}

/** The columns of Feast's layout that a table has: older versions of Feast lack some that are for searching. */
function columnsOf(stored: ReadonlyMap<string, string>): WrittenColumn[] {
  const vector = stored.get('vector_value');
  const all: (WrittenColumn | undefined)[] = [
    column('entity_key', 'bytea', (cells) => bytesArray(cells.map(({ key }) => key))),
    column('feature_name', 'text', (cells) => cells.map(({ feature }) => feature)),
    column('value', 'bytea', (cells) => bytesArray(cells.map(({ value }) => value))),
    stored.has('value_text')
      ? column('value_text', 'text', (cells) => cells.map(({ search }) => search.text))
      : undefined,
    stored.has('value_num')
      ? column('value_num', 'float8', (cells) => cells.map(({ search }) => search.number))
      : undefined,
    vector === undefined
      ? undefined
      : // Tables that were made without pgvector have a column of bytes, which stays empty.
        column(
          'vector_value',
          'text',
          (cells) => cells.map((cell) => (vector === 'bytea' ? null : cell.vector)),
          vector,
        ),
    column('event_ts', 'timestamptz', (cells) => cells.map(({ eventTime }) => eventTime)),
    column('created_ts', 'timestamptz', (cells) => cells.map(({ createdTime }) => createdTime)),
  ];
  return all.filter((each) => each !== undefined);
}

function column(
  name: string,
  travels: string,
  values: (cells: readonly PostgresCell[]) => unknown,
  type = travels,
): WrittenColumn {
  return { name, arrayType: `${travels}[]`, type, values };
}

function upsertSql(table: string, columns: readonly WrittenColumn[]): string {
  const names = columns.map(({ name }) => name);
  const data = names.filter((name) => name !== 'entity_key' && name !== 'feature_name');
  return `
    INSERT INTO ${table} (${names.join(', ')})
    SELECT ${columns.map(({ name, type }) => `CAST(r.${name} AS ${type})`).join(', ')}
    FROM unnest(${columns.map(({ arrayType }, index) => `$${index + 1}::${arrayType}`).join(', ')}) AS r(${names.join(', ')})
    ON CONFLICT (entity_key, feature_name) DO UPDATE SET
      ${data.map((name) => `${name} = EXCLUDED.${name}`).join(', ')}`;
}

function statementEnd(cells: readonly PostgresCell[], start: number): number {
  let end = start;
  for (let size = 0; end < cells.length && end - start < MAX_CELLS && size < MAX_STATEMENT_BYTES; end++) {
    size += cells[end]?.value.length ?? 0;
  }
  return end;
}

function describeValue(
  value: Uint8Array,
  vectors: boolean,
  describe: () => string,
): { search: SearchColumns; vector: string | null } {
  try {
    const { text, number } = searchColumns(value);
    // A text in PostgreSQL cannot hold a NUL character; what is searched can do without.
    return { search: { text: text?.replaceAll('\0', '') ?? null, number }, vector: vectors ? vectorText(value) : null };
  } catch (cause) {
    throw new StoreError('STORE_INVALID_ROW', `${describe()} is no serialized feast.types.Value.`, { cause });
  }
}

/** A list of numbers as pgvector reads it; nothing for any other value. */
function vectorText(value: Uint8Array): string | null {
  const { val } = fromBinary(ValueSchema, value);
  switch (val.case) {
    case 'floatListVal':
    case 'doubleListVal':
      return `[${val.value.val.map(pythonFloat).join(', ')}]`;
    case 'int32ListVal':
    case 'int64ListVal':
      return `[${val.value.val.join(', ')}]`;
    default:
      return null;
  }
}
