import type * as duckdb from '@duckdb/node-api';

type Api = typeof duckdb;

/** A value that DuckDB gave, as `encodeValue` takes it. Made for a client library that is loaded on first use. */
export type DuckdbValueReader = (value: unknown, type: duckdb.DuckDBType) => unknown;

/**
 * Whole numbers become bigint whatever their width, so that inside maps and lists they are not taken for fractions; times become
 * whole seconds since 1970, rounded down, or with a zone the instant in UTC; decimals and UUIDs their text.
 */
export function createDuckdbValueReader(api: Api): DuckdbValueReader {
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

export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}
