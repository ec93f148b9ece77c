import type { DuckDBConnection } from '@duckdb/node-api';
import { countsFrom, quoteName, quoteText, translating } from './duckdb.ts';
import { type LoadInterval, microsOf } from './interval.ts';
import { keyOrderTerms } from './key-order.ts';
import type { LoadPlan, PlannedColumn } from './load-plan.ts';
import type { RejectedRow } from './rejects.ts';
import type { SourceFile } from './source-file.ts';
import { stagedColumns } from './staged-columns.ts';
import { NO_TIME, type TypedLayout } from './staged-rows.ts';
import { isTimestamp, type TypedColumn, timeColumn, timeConstant, typedColumn } from './typed-columns.ts';

/** A plan of which DuckDB alone can judge every row: all columns come as values of their types, or nearly so. */
export interface TypedPlan {
  readonly layout: TypedLayout;
  /** Rows of the interval. */
  readonly within: string;
  /** Rows that belong to the interval or may do so: those whose time is null. */
  readonly candidates: string;
  readonly conditions: readonly BadCondition[];
  /** Behind a WHERE: leaves the newest row of each entity. */
  readonly newest: string;
  /** Per group of the layout, over the source's columns. */
  readonly staged: readonly string[];
  /** What staged rows are sorted by: nothing where any order will do. */
  readonly order: readonly string[];
}

export interface TypedPlanOptions {
  /** Takes less memory, and more time. */
  readonly small?: boolean;
  /** Whether rows are wanted in the order of their serialized keys, where that needs no more memory. */
  readonly inKeyOrder?: boolean;
}

interface BadCondition {
  readonly column: string;
  readonly reason: string;
  /** True, false or NULL, which counts as false. */
  readonly sql: string;
}

/** A file's reader holds several megabytes per column that it reads: so many conditions are looked at in one pass. */
const CONDITIONS_AT_A_TIME = 12;
/** Columns of this weight are staged in one file; of more, in files of the other. Texts weigh more. Measured, with two threads. */
const NARROW = 24;
const WIDE_GROUP = 12;
/** For one thread, where sources turn out to take more memory than others do. */
const SMALL_GROUP = 6;
const BYTES_WEIGHT = 3;

/**
 * @param types source column to its type, as DuckDB names it
 * @returns nothing where some column's values have to be looked at one by one
 */
export function typedPlan(
  plan: LoadPlan,
  types: ReadonlyMap<string, string>,
  interval: LoadInterval,
  { small = false, inKeyOrder = false }: TypedPlanOptions = {},
): TypedPlan | undefined {
  const timeType = types.get(plan.timestampField) ?? '';
  const createdType = types.get(plan.createdField) ?? '';
  const time = timeColumn(plan.timestampField, timeType);
  if (time === undefined || (plan.createdField !== '' && !isTimestamp(createdType))) return undefined;
  const created = plan.createdField === '' ? 'NULL::BIGINT' : (timeColumn(plan.createdField, createdType) ?? '');
  const planned = [...plan.joinKeys, ...plan.features];
  const columns: TypedColumn[] = [];
  for (const { source, valueType } of planned) {
    const column = typedColumn(source, types.get(source) ?? '', valueType);
    if (column === undefined) return undefined;
    columns.push(column);
  }
  const keys = columns.slice(0, plan.joinKeys.length);
  const [start, end] = [interval.start, interval.end].map((bound) => timeConstant(microsOf(bound), timeType));
  const timeName = quoteName(plan.timestampField);
  const within = `${timeName} BETWEEN ${start} AND ${end}`;
  const createdOrder = plan.createdField === '' ? '' : `, ${quoteName(plan.createdField)} DESC NULLS LAST`;
  // Among rows with the same times the first one in the files is kept, as Feast does with tables of a usual size.
  const order = `ORDER BY ${timeName} DESC${createdOrder}, f, r`;
  const groups = groupsOf(columns, small);
  // Several files are written one after the other, each in the order of the source.
  const terms = inKeyOrder && groups.at(-1) === 0 && !small ? keyOrderTerms(plan.joinKeys, keys) : [];
  const times = `${time} AS t, coalesce(${created}, ${NO_TIME}) AS c`;
  return {
    layout: { kind: 'typed', forms: columns.map((column) => column.form), groups, inKeyOrder: terms.length > 0 },
    within,
    candidates: `(${timeName} IS NULL OR ${within})`,
    conditions: badConditions(plan, planned, columns),
    newest:
      keys.length === 0
        ? `${order} LIMIT 1`
        : `QUALIFY row_number() OVER (PARTITION BY ${keys.map(({ sql }) => sql).join(', ')} ${order}) = 1`,
    staged: stagedColumns(columns, groups).map((selected, group) => (group === 0 ? `${times}, ${selected}` : selected)),
    order: terms,
  };
}

/**
 * Counts the rows of the interval, and tells of those that cannot be loaded, in the order of the files, each with the first
 * column that says why. The latter are kept in a table `bad` of the connection's.
 */
export async function judgeTypedRows(
  connection: DuckDBConnection,
  { candidates, conditions }: TypedPlan,
  files: readonly SourceFile[],
  reject: (row: RejectedRow) => Promise<void>,
): Promise<{ readonly read: number; readonly bad: number }> {
  const source = sourceSql(files);
  await connection.run('CREATE OR REPLACE TEMP TABLE bad (f INTEGER, r BIGINT, condition INTEGER)');
  for (let first = 0; first < conditions.length; first += CONDITIONS_AT_A_TIME) {
    const some = conditions.slice(first, first + CONDITIONS_AT_A_TIME);
    const cases = some.map(({ sql }, index) => `WHEN coalesce(${sql}, false) THEN ${first + index}`).join(' ');
    const which = `CASE ${cases} ELSE -1 END`;
    const sql = `
      INSERT INTO bad
      SELECT file_index, file_row_number, ${which} FROM ${source} WHERE ${candidates} AND ${which} >= 0`;
    await translating(() => connection.run(sql));
  }
  const [read = 0] = await translating(() =>
    countsFrom(connection, `SELECT count(*) FROM ${source} WHERE ${candidates}`),
  );
  let bad = 0;
  const result = await connection.stream('SELECT f, r, min(condition) FROM bad GROUP BY f, r ORDER BY f, r');
  for (;;) {
    const chunk = await translating(() => result.fetchChunk());
    if (chunk === null || chunk.rowCount === 0) return { read, bad };
    for (const [file, row, index] of chunk.getRows()) {
      const { column = '', reason = '' } = conditions[Number(index)] ?? {};
      bad++;
      await reject({ file: files[Number(file)]?.name ?? '', row: Number(row) + 1, column, reason });
    }
  }
}

/**
 * Writes the newest row of each entity, without those in the table `bad`, into Parquet files, one for each group of columns.
 * @returns the number of rows
 */
export async function stageTypedRows(
  connection: DuckDBConnection,
  { within, newest, staged, order }: TypedPlan,
  files: readonly SourceFile[],
  targets: readonly string[],
): Promise<number> {
  const source = `(SELECT *, file_index AS f, file_row_number AS r FROM ${sourceSql(files)})`;
  const wanted = `FROM ${source} AS source ANTI JOIN bad USING (f, r) WHERE ${within} ${newest}`;
  const narrow = staged.length === 1;
  const sorted = sortedBy(order);
  return translating(async () => {
    // Wide rows are not sorted as they are: which are wanted is found first, and then each group of columns is fetched in one order.
    if (!narrow) await connection.run(`CREATE OR REPLACE TEMP TABLE wanted AS SELECT f, r ${wanted}`);
    let rows = 0;
    for (const [group, selected] of staged.entries()) {
      const sql = narrow
        ? `SELECT ${selected} FROM (SELECT *${sorted.terms} ${wanted})${sorted.by}`
        : `SELECT ${selected} FROM ${source} AS source SEMI JOIN wanted USING (f, r) ORDER BY f, r`;
      rows = await copyRows(connection, sql, targets[group] ?? '');
    }
    await connection.run('DROP TABLE IF EXISTS wanted');
    return rows;
  }, 'sorting out the newest rows');
}

/** Terms are columns of their own, of names that no source has, so that they mean the source's columns and no others. */
function sortedBy(terms: readonly string[]): { readonly terms: string; readonly by: string } {
  if (terms.length === 0) return { terms: '', by: '' };
  const names = terms.map((_, place) => quoteName(`sideboard's order ${place}`));
  return {
    terms: terms.map((term, place) => `, ${term} AS ${names[place]}`).join(''),
    by: ` ORDER BY ${names.join(', ')}`,
  };
}

/** Writes a query's rows into a Parquet file that is read again soon. @returns their number */
export async function copyRows(connection: DuckDBConnection, sql: string, target: string): Promise<number> {
  // Asked for by the limit in bytes; an order that the query itself names is kept.
  await connection.run('SET preserve_insertion_order = false');
  const [rows = 0] = await countsFrom(
    connection,
    `COPY (${sql}) TO ${quoteText(target)}
    (FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE 20480, ROW_GROUP_SIZE_BYTES '8MB')`,
  );
  return rows;
}

export function sourceSql(files: readonly SourceFile[]): string {
  return `read_parquet([${files.map((file) => quoteText(file.path)).join(', ')}])`;
}

function badConditions(
  plan: LoadPlan,
  planned: readonly PlannedColumn[],
  columns: readonly TypedColumn[],
): readonly BadCondition[] {
  const time = quoteName(plan.timestampField);
  const conditions: BadCondition[] = [
    { column: plan.timestampField, reason: 'the event timestamp is null', sql: `${time} IS NULL` },
  ];
  for (const [index, { sql, misfit, reason }] of columns.entries()) {
    const column = planned[index]?.source ?? '';
    if (misfit !== undefined) conditions.push({ column, reason, sql: misfit });
    if (index < plan.joinKeys.length) {
      conditions.push({ column, reason: 'a join key cannot be null', sql: `(${sql}) IS NULL` });
    }
  }
  return conditions;
}

function groupsOf(columns: readonly TypedColumn[], small: boolean): readonly number[] {
  const weights = columns.map(({ form }) => (form === 'bytes' ? BYTES_WEIGHT : 1));
  const isNarrow = weights.reduce((sum, weight) => sum + weight, 0) <= NARROW;
  const limit = small ? SMALL_GROUP : isNarrow ? NARROW : WIDE_GROUP;
  let group = 0;
  let total = 0;
  return weights.map((weight) => {
    if (total + weight > limit) {
      group++;
      total = 0;
    }
    total += weight;
    return group;
  });
}
