import type * as duckdb from '@duckdb/node-api';

type Api = typeof duckdb;

type DuckdbValueReader = (value: unknown, type: duckdb.DuckDBType) => unknown;

/**
 * Reads the cells of one column of a chunk, by row, as `encodeValue` takes them: lists of numbers as typed arrays, which hold no object
 * per element, everything else as {@link createDuckdbValueReader} has it.
 * @param api the client library, which is loaded on first use
 */
export function createCellReader(
  api: Api,
  vector: duckdb.DuckDBVector,
  type: duckdb.DuckDBType,
): (row: number) => unknown {
  const numbers = vector instanceof api.DuckDBListVector ? plainNumbers(vector.childVector) : undefined;
  if (vector instanceof api.DuckDBListVector && numbers !== undefined) {
    const { validity } = vector as unknown as WithValidity;
    return (row) => {
      if (!validity.itemValid(row)) return null;
      const start = vector.getEntryOffset(row);
      return numbers.subarray(start, start + vector.getEntryLength(row));
    };
  }
  const read = createDuckdbValueReader(api);
  // The vector remembers what it gave; a row is asked for once.
  return (row) => read(vector.getItem(row), type);
}

// Decimals and times are kept in arrays of whole numbers as well.
const NUMBERS = new Set(['FLOAT', 'DOUBLE', 'INTEGER', 'BIGINT']);
type Numbers = Float32Array | Float64Array | Int32Array | BigInt64Array;

interface WithValidity {
  readonly validity: { readonly data: unknown; itemValid(row: number): boolean };
}

/** The numbers of a vector without nulls; `undefined` for other vectors. */
function plainNumbers(vector: duckdb.DuckDBVector): Numbers | undefined {
  const { items, validity } = vector as unknown as { readonly items?: unknown } & Partial<WithValidity>;
  if (validity === undefined || validity.data !== null || !NUMBERS.has(vector.type.toString())) return undefined;
  const isPlain =
    items instanceof Float32Array ||
    items instanceof Float64Array ||
    items instanceof Int32Array ||
    items instanceof BigInt64Array;
  return isPlain ? items : undefined;
}

/**
 * Whole numbers become bigint whatever their width, so that inside maps and lists they are not taken for fractions; times become
 * whole seconds since 1970, rounded down, or with a zone the instant in UTC; decimals and UUIDs their text.
 */
function createDuckdbValueReader(api: Api): DuckdbValueReader {
  const read: DuckdbValueReader = (value, type) => {
    if (value === null || value === undefined) return null;
    if (typeof value === 'number') return FLOATS.has(type.typeId) ? value : BigInt(value);
    if (typeof value !== 'object') return value;
    if (value instanceof api.DuckDBBlobValue) return value.bytes;
    if (value instanceof api.DuckDBUUIDValue || value instanceof api.DuckDBDecimalValue) return value.toString();
    const seconds = secondsOf(value);
    if (seconds !== undefined) return seconds;
    if (value instanceof api.DuckDBListValue || value instanceof api.DuckDBArrayValue) {
      const inner = (type as duckdb.DuckDBListType | duckdb.DuckDBArrayType).valueType;
      return value.items.map((item) => read(item, inner));
    }
    if (value instanceof api.DuckDBStructValue) {
      const { entryNames, entryTypes } = type as duckdb.DuckDBStructType;
      const members = entryNames.map((name, index) => {
        const entry = entryTypes[index];
        return [name, entry === undefined ? null : read(value.entries[name], entry)] as const;
      });
      return new Map(members);
    }
    if (value instanceof api.DuckDBMapValue) {
      const { keyType, valueType } = type as duckdb.DuckDBMapType;
      return new Map(value.entries.map((entry) => [read(entry.key, keyType), read(entry.value, valueType)]));
    }
    return value;
  };
  const FLOATS: ReadonlySet<number> = new Set([api.DuckDBTypeId.FLOAT, api.DuckDBTypeId.DOUBLE]);

  const secondsOf = (value: object): bigint | undefined => {
    if (value instanceof api.DuckDBTimestampValue || value instanceof api.DuckDBTimestampTZValue) {
      return floorDivide(value.micros, 1_000_000n);
    }
    if (value instanceof api.DuckDBTimestampNanosecondsValue) return floorDivide(value.nanos, 1_000_000_000n);
    if (value instanceof api.DuckDBTimestampMillisecondsValue) return floorDivide(value.millis, 1000n);
    if (value instanceof api.DuckDBTimestampSecondsValue) return value.seconds;
    if (value instanceof api.DuckDBDateValue) return BigInt(value.days) * 86_400n;
    return undefined;
  };
  return read;
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}
