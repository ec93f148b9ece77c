import type { DuckDBConnection } from '@duckdb/node-api';
import { countsFrom, quoteName, quoteText, translating } from './duckdb.ts';
import { type LoadInterval, microsOf } from './interval.ts';
import type { LoadPlan, PlannedColumn } from './load-plan.ts';
import type { RejectedRow } from './rejects.ts';
import type { SourceFile } from './source-file.ts';
import { MASK_BITS, NO_TIME, type TypedLayout } from './staged-rows.ts';
import { isTimestamp, type TypedColumn, timeColumn, timeConstant, typedColumn } from './typed-columns.ts';

/** A plan of which DuckDB alone can judge every row: all columns come as values of their types, or nearly so. */
export interface TypedPlan {
  readonly layout: TypedLayout;
  /** Rows of the interval, good and bad, and rows whose time is null. */
  readonly inInterval: string;
  readonly conditions: readonly BadCondition[];
  readonly stageSql: string;
}

interface BadCondition {
  readonly column: string;
  readonly reason: string;
  /** True, false or NULL, which counts as false. */
  readonly sql: string;
}

/**
 * @param types source column to its type, as DuckDB names it
 * @returns nothing where some column's values have to be looked at one by one
 */
export function typedPlan(
  plan: LoadPlan,
  types: ReadonlyMap<string, string>,
  interval: LoadInterval,
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
  const conditions = badConditions(plan, planned, columns);
  const within = `${timeName} BETWEEN ${start} AND ${end}`;
  const good = conditions.map(({ sql }) => ` AND NOT coalesce(${sql}, false)`).join('');
  const createdOrder = plan.createdField === '' ? '' : `, ${quoteName(plan.createdField)} DESC NULLS LAST`;
  // Of rows with the same times the first one in the files is kept, which is what Feast does with tables of a usual size.
  const order = `ORDER BY ${timeName} DESC${createdOrder}, file_index, file_row_number`;
  const newest =
    keys.length === 0
      ? `${order} LIMIT 1`
      : `QUALIFY row_number() OVER (PARTITION BY ${keys.map(({ sql }) => sql).join(', ')} ${order}) = 1`;
  const read = [
    ...new Set([...planned.map((column) => column.source), plan.timestampField, ...filled(plan.createdField)]),
  ];
  return {
    layout: { kind: 'typed', forms: columns.map((column) => column.form) },
    inInterval: `(${timeName} IS NULL OR ${within})`,
    conditions,
    stageSql: `
      SELECT ${time} AS t, coalesce(${created}, ${NO_TIME}) AS c, ${stagedColumns(columns)}
      FROM (
        SELECT ${read.map(quoteName).join(', ')}
        FROM source
        WHERE ${within}${good}
        ${newest}
      )`,
  };
}

/** Counts rows of the interval and those of them that cannot be loaded. */
export async function countTypedRows(
  connection: DuckDBConnection,
  { inInterval, conditions }: TypedPlan,
  files: readonly SourceFile[],
): Promise<{ readonly read: number; readonly bad: number }> {
  const bad = conditions.map(({ sql }) => `coalesce(${sql}, false)`).join(' OR ');
  const sql = `SELECT count(*), count(*) FILTER (WHERE ${bad}) FROM ${sourceSql(files)} AS source WHERE ${inInterval}`;
  const [read = 0, badRows = 0] = await translating(() => countsFrom(connection, sql));
  return { read, bad: badRows };
}

/** The rows that cannot be loaded, each with the first column that says why. */
export async function* badTypedRows(
  connection: DuckDBConnection,
  { inInterval, conditions }: TypedPlan,
  files: readonly SourceFile[],
): AsyncGenerator<RejectedRow> {
  const cases = conditions.map(({ sql }, index) => `WHEN coalesce(${sql}, false) THEN ${index}`).join(' ');
  const which = `CASE ${cases} ELSE -1 END`;
  const sql = `
    SELECT file_index::INTEGER, file_row_number::BIGINT, ${which}
    FROM ${sourceSql(files)} AS source
    WHERE ${inInterval} AND ${which} >= 0`;
  const result = await translating(() => connection.stream(sql));
  for (;;) {
    const chunk = await translating(() => result.fetchChunk());
    if (chunk === null || chunk.rowCount === 0) return;
    for (const [file, row, index] of chunk.getRows()) {
      const condition = conditions[Number(index)];
      if (condition === undefined) continue;
      const { column, reason } = condition;
      yield { file: files[Number(file)]?.name ?? '', row: Number(row) + 1, column, reason };
    }
  }
}

/** Writes the newest row of each entity into a Parquet file. @returns the number of rows */
export async function stageTypedRows(
  connection: DuckDBConnection,
  { stageSql }: TypedPlan,
  files: readonly SourceFile[],
  target: string,
): Promise<number> {
  const sql = `
    COPY (WITH source AS (SELECT *, file_index, file_row_number FROM ${sourceSql(files)}) ${stageSql})
    TO ${quoteText(target)} (FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE 20480)`;
  const [rows = 0] = await translating(() => countsFrom(connection, sql), 'sorting out the newest rows');
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
  const conditions: BadCondition[] = [
    {
      column: plan.timestampField,
      reason: 'the event timestamp is null',
      sql: `${quoteName(plan.timestampField)} IS NULL`,
    },
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

function stagedColumns(columns: readonly TypedColumn[]): string {
  const selected: string[] = [];
  const masks: string[][] = [];
  const bytes: string[] = [];
  let ints = 0;
  for (const [index, { form, sql }] of columns.entries()) {
    const name = `v${index}`;
    switch (form) {
      case 'bytes':
        selected.push(`coalesce(octet_length(${sql}), -1)::INTEGER AS ${name}`);
        bytes.push(`coalesce(${sql}, ''::BLOB)`);
        break;
      case 'bool':
        selected.push(`coalesce(${sql}, 2)::TINYINT AS ${name}`);
        break;
      case 'int': {
        selected.push(`coalesce(${sql}, 0)::BIGINT AS ${name}`);
        const group = Math.floor(ints / MASK_BITS);
        masks[group] ??= [];
        masks[group].push(`(CASE WHEN (${sql}) IS NULL THEN ${2 ** (ints % MASK_BITS)} ELSE 0 END)`);
        ints++;
        break;
      }
      default:
        selected.push(`coalesce(${sql}, 'nan'::DOUBLE) AS ${name}`);
    }
  }
  for (const [group, terms] of masks.entries()) selected.push(`(${terms.join(' + ')})::INTEGER AS n${group}`);
  if (bytes.length > 0) selected.push(`${bytes.join(' || ')} AS b`);
  return selected.length === 0 ? '0 AS none' : selected.join(', ');
}

function filled(name: string): readonly string[] {
  return name === '' ? [] : [name];
}
