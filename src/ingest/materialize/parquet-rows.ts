import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../../encoding/encoding-error.ts';
import { createEntityKeyEncoder } from '../../encoding/entity-key.ts';
import { parseTimestamp } from '../../encoding/timestamp.ts';
import { encodeValue } from '../../encoding/value.ts';
import { dummyEntity } from '../../registry/dummy-entity.ts';
import { quoteName, translating } from './duckdb.ts';
import { createCellReader } from './duckdb-value.ts';
import { type LoadInterval, microsOf } from './interval.ts';
import type { LoadPlan, PlannedColumn } from './load-plan.ts';
import type { SourceFile } from './source-file.ts';
import type { JudgedRow } from './text-rows.ts';
import { isTimestamp, timeConstant } from './typed-columns.ts';
import { sourceSql } from './typed-stage.ts';

export interface ParquetRowsOptions {
  readonly interval: LoadInterval;
  readonly signal: AbortSignal;
  readonly onRows: (rows: number) => void;
}

/** Why a row cannot be loaded. */
class BadCell extends Error {
  readonly column: string;

  constructor(column: string, reason: string) {
    super(reason);
    this.column = column;
  }
}

/**
 * Rows of the interval from Parquet files of which some column is a list, a map or a struct, or of another type than the registry
 * says: each value is looked at. Conversions are exact or refused.
 */
export async function* parquetRows(
  connection: DuckDBConnection,
  plan: LoadPlan,
  types: ReadonlyMap<string, string>,
  files: readonly SourceFile[],
  { interval, signal, onRows }: ParquetRowsOptions,
): AsyncGenerator<JudgedRow> {
  const api = await import('@duckdb/node-api');
  const time = timeCell(plan.timestampField, types);
  const created = plan.createdField === '' ? undefined : timeCell(plan.createdField, types);
  const columns = [...plan.joinKeys, ...plan.features];
  const selected = [
    'file_index::INTEGER',
    'file_row_number::BIGINT',
    time.sql,
    created?.sql ?? 'NULL',
    ...columns.map(({ source }) => quoteName(source)),
  ];
  const names = plan.joinKeys.length === 0 ? [dummyEntity.joinKey] : plan.joinKeys.map((key) => key.name);
  const encoder = createEntityKeyEncoder(names);
  const [start, end] = [microsOf(interval.start), microsOf(interval.end)];
  const within = time.isTyped ? ` WHERE ${withinSql(plan.timestampField, types, start, end)}` : '';
  const sql = `SELECT ${selected.join(', ')} FROM ${sourceSql(files)}${within}`;
  await connection.run('SET preserve_insertion_order = true');
  const result = await translating(() => connection.stream(sql));
  const columnTypes = result.columnTypes();
  for (;;) {
    const chunk = await translating(() => result.fetchChunk());
    if (chunk === null || chunk.rowCount === 0 || signal.aborted) return;
    onRows(chunk.rowCount);
    const cells = Array.from({ length: selected.length }, (_, index) =>
      createCellReader(api, chunk.getColumnVector(index), columnTypes[index] as DuckDBType),
    );
    for (let row = 0; row < chunk.rowCount; row++) {
      const cell = (index: number): unknown => cells[index]?.(row);
      try {
        const event = time.micros(cell(2));
        if (event === undefined) throw new BadCell(plan.timestampField, 'the event timestamp is null');
        if (event < start || event > end) continue;
        const value = (column: PlannedColumn, index: number): Uint8Array => encodeCell(column, cell(4 + index));
        const keys = plan.joinKeys.map((key, index) => keyCell(key, value(key, index)));
        yield {
          row: {
            key: encoder.encode(keys.length === 0 ? [EMPTY_TEXT] : keys),
            values: plan.features.map((feature, index) => value(feature, keys.length + index)),
            event,
            created: created?.micros(cell(3)),
          },
        };
      } catch (error) {
        if (!(error instanceof BadCell)) throw error;
        const file = files[Number(cell(0))]?.name ?? '';
        yield { rejected: { file, row: Number(cell(1)) + 1, column: error.column, reason: error.message } };
      }
    }
  }
}

/** The value "" of the join key of a view without entities. */
const EMPTY_TEXT = new Uint8Array([0x12, 0x00]);

const WHOLE_NUMBERS: ReadonlySet<ValueType_Enum> = new Set([
  ValueType_Enum.INT32,
  ValueType_Enum.INT64,
  ValueType_Enum.UNIX_TIMESTAMP,
]);

function encodeCell({ source, valueType }: PlannedColumn, cell: unknown): Uint8Array {
  try {
    return encodeValue(fitting(cell, valueType), valueType);
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error;
    throw new BadCell(source, error.message);
  }
}

/** What columns of another type may hold where the value is the same: a whole number as a fraction, a time as an instant. */
function fitting(value: unknown, type: ValueType_Enum): unknown {
  if (typeof value === 'number' && WHOLE_NUMBERS.has(type)) return Number.isNaN(value) ? null : value;
  if (typeof value === 'bigint') {
    if (type === ValueType_Enum.DOUBLE || type === ValueType_Enum.FLOAT) return Number(value);
    if (type === ValueType_Enum.STRING) return value.toString();
    if (type === ValueType_Enum.BOOL && (value === 0n || value === 1n)) return value === 1n;
    if (type === ValueType_Enum.ZONED_TIMESTAMP) return { unixTimestamp: value, zone: '' };
  }
  return value;
}

function keyCell({ source }: PlannedColumn, value: Uint8Array): Uint8Array {
  if (value.length === 0) throw new BadCell(source, 'a join key cannot be null');
  return value;
}

interface TimeCell {
  readonly isTyped: boolean;
  readonly sql: string;
  /** Microseconds since 1970; `undefined` for a null. @throws BadCell */
  micros(cell: unknown): bigint | undefined;
}

function timeCell(source: string, types: ReadonlyMap<string, string>): TimeCell {
  const name = quoteName(source);
  if (isTimestamp(types.get(source) ?? '')) {
    return {
      isTyped: true,
      sql: `epoch_us(${name})`,
      micros: (cell) => (typeof cell === 'bigint' ? cell : undefined),
    };
  }
  return {
    isTyped: false,
    sql: name,
    micros(cell) {
      if (cell === null) return undefined;
      if (typeof cell !== 'string')
        throw new BadCell(source, 'a timestamp is not a point in time: nothing says what the number counts');
      try {
        return microsOf(parseTimestamp(cell));
      } catch (error) {
        if (!(error instanceof EncodingError)) throw error;
        throw new BadCell(source, error.message);
      }
    },
  };
}

function withinSql(source: string, types: ReadonlyMap<string, string>, start: bigint, end: bigint): string {
  const type = types.get(source) ?? '';
  const name = quoteName(source);
  return `(${name} IS NULL OR ${name} BETWEEN ${timeConstant(start, type)} AND ${timeConstant(end, type)})`;
}
