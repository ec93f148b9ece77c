import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { valueTypeInfo } from '../../encoding/value-type.ts';
import { quoteName } from './duckdb.ts';

/**
 * How a column of a Parquet file becomes values without an object for each: what DuckDB is asked for, and in which form it comes.
 *
 *     int     a whole number of 64 bits
 *     double  a number of 64 bits; NaN is a null
 *     float   the same, stored as 32 bits
 *     bool    0, 1
 *     bytes   bytes of a text or binary value
 */
export type ColumnForm = 'int' | 'double' | 'float' | 'bool' | 'bytes';

export interface TypedColumn {
  readonly form: ColumnForm;
  /** Over the source's columns: the value in the form of its kind, or NULL. */
  readonly sql: string;
  /** Where a value that is not null may fail to fit: the condition under which it does. */
  readonly misfit?: string;
  /** What a value is that does not fit. */
  readonly reason: string;
}

const INT64 = { name: 'INT64', low: '-9223372036854775808', high: '9223372036854775807' };
const INT32 = { name: 'INT32', low: '-2147483648', high: '2147483647' };
type IntRange = typeof INT64;

const SMALL_INTEGERS = new Set(['TINYINT', 'SMALLINT', 'INTEGER', 'UTINYINT', 'USMALLINT']);
const INTEGERS = new Set([...SMALL_INTEGERS, 'UINTEGER', 'BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT']);
const BEYOND_INT64 = new Set(['UBIGINT', 'HUGEINT', 'UHUGEINT']);
const FLOATS = new Set(['FLOAT', 'DOUBLE']);

/** The largest double that rounds to a finite float. */
const FLOAT_LIMIT = '3.4028235677973362e38';
const UUID_TEXT = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';

/**
 * How a source column is read for a type of the registry.
 * @param type as DuckDB names it, such as `BIGINT` or `VARCHAR`
 * @returns nothing where each value has to be looked at: the types differ, or are not scalars
 */
export function typedColumn(source: string, type: string, target: ValueType_Enum): TypedColumn | undefined {
  const column = quoteName(source);
  switch (valueTypeInfo(target)?.type) {
    case ValueType_Enum.INT64:
      return intColumn(column, type, INT64);
    case ValueType_Enum.INT32:
      return intColumn(column, type, INT32);
    case ValueType_Enum.UNIX_TIMESTAMP:
      return isTimestamp(type)
        ? { form: 'int', sql: wholeSeconds(column), reason: 'the time does not fit' }
        : INTEGERS.has(type)
          ? intColumn(column, type, { ...INT64, name: 'UNIX_TIMESTAMP' })
          : undefined;
    case ValueType_Enum.DOUBLE:
      return isNumber(type)
        ? { form: 'double', sql: `CAST(${column} AS DOUBLE)`, reason: 'DOUBLE takes a number' }
        : undefined;
    case ValueType_Enum.FLOAT:
      return floatColumn(column, type);
    case ValueType_Enum.BOOL:
      return boolColumn(column, type);
    case ValueType_Enum.STRING:
      return INTEGERS.has(type) || type === 'VARCHAR' || type === 'UUID' || type.startsWith('ENUM(')
        ? textColumn(column, type)
        : undefined;
    case ValueType_Enum.BYTES:
      return type === 'BLOB' ? { form: 'bytes', sql: column, reason: 'BYTES takes bytes' } : undefined;
    case ValueType_Enum.UUID:
    case ValueType_Enum.TIME_UUID:
      if (type === 'UUID') return textColumn(column, type);
      return type !== 'VARCHAR'
        ? undefined
        : {
            ...textColumn(column, type),
            misfit: `NOT regexp_full_match(${column}, '${UUID_TEXT}')`,
            reason: 'UUID takes a UUID as text',
          };
    default:
      return undefined;
  }
}

/** Microseconds since 1970 of a timestamp column, finer digits cut off; `undefined` for other columns. */
export function timeColumn(source: string, type: string): string | undefined {
  return isTimestamp(type) ? epochMicros(quoteName(source)) : undefined;
}

export function isTimestamp(type: string): boolean {
  return type.startsWith('TIMESTAMP') || type === 'DATE';
}

/** A point in time as a constant of a column's own type, so that whole parts of a file can be passed over. */
export function timeConstant(micros: bigint, type: string): string {
  const constant = `make_timestamp(${micros}::BIGINT)`;
  return type === 'DATE' ? constant : `CAST(${constant} AS ${type})`;
}

function intColumn(column: string, type: string, range: IntRange): TypedColumn | undefined {
  const fits = SMALL_INTEGERS.has(type) || (range.name !== INT32.name && INTEGERS.has(type) && !BEYOND_INT64.has(type));
  if (fits) return { form: 'int', sql: `CAST(${column} AS BIGINT)`, reason: '' };
  const reason = `${range.name} takes a whole number in its range`;
  if (INTEGERS.has(type)) {
    const misfit = `${column} NOT BETWEEN ${range.low} AND ${range.high}`;
    return { form: 'int', sql: `TRY_CAST(${column} AS BIGINT)`, misfit, reason };
  }
  if (type.startsWith('DECIMAL')) {
    const misfit = `${column} <> trunc(${column}) OR TRY_CAST(${column} AS HUGEINT) NOT BETWEEN ${range.low} AND ${range.high}`;
    return { form: 'int', sql: `TRY_CAST(${column} AS BIGINT)`, misfit, reason };
  }
  if (!FLOATS.has(type)) return undefined;
  // Data frames keep whole numbers as floats where their column has nulls.
  const number = `CAST(${column} AS DOUBLE)`;
  const limits = `${number} < ${range.low}::DOUBLE OR ${number} ${range === INT32 ? '>' : '>='} ${range.high}::DOUBLE`;
  return {
    form: 'int',
    sql: `TRY_CAST(CASE WHEN isnan(${column}) THEN NULL ELSE ${column} END AS BIGINT)`,
    misfit: `NOT isnan(${column}) AND (${number} <> trunc(${number}) OR ${limits})`,
    reason,
  };
}

function floatColumn(column: string, type: string): TypedColumn | undefined {
  if (!isNumber(type)) return undefined;
  const sql = `CAST(${column} AS DOUBLE)`;
  if (type === 'FLOAT') return { form: 'float', sql, reason: '' };
  return {
    form: 'float',
    sql,
    misfit: `isfinite(${sql}) AND abs(${sql}) >= ${FLOAT_LIMIT}::DOUBLE`,
    reason: 'the number is too large for a 32-bit float',
  };
}

function boolColumn(column: string, type: string): TypedColumn | undefined {
  if (type === 'BOOLEAN') return { form: 'bool', sql: `CAST(${column} AS TINYINT)`, reason: '' };
  if (!INTEGERS.has(type)) return undefined;
  const reason = 'BOOL takes true, false, 1 or 0';
  return { form: 'bool', sql: `TRY_CAST(${column} AS TINYINT)`, misfit: `${column} NOT IN (0, 1)`, reason };
}

function textColumn(column: string, type: string): TypedColumn {
  return { form: 'bytes', sql: `encode(${type === 'VARCHAR' ? column : `CAST(${column} AS VARCHAR)`})`, reason: '' };
}

function isNumber(type: string): boolean {
  return INTEGERS.has(type) || FLOATS.has(type) || type.startsWith('DECIMAL');
}

function epochMicros(column: string): string {
  return `epoch_us(${column})`;
}

/** Rounded down, as numpy does, whose rule Feast's is. */
function wholeSeconds(column: string): string {
  const micros = epochMicros(column);
  return `((${micros} - (((${micros} % 1000000) + 1000000) % 1000000)) // 1000000)`;
}
