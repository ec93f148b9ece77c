import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** What loading and pushing are measured with: one view of ten features, keyed by one integer. */

export const RIDER = 'rider_id';
export const RIDES = 'rides';
export const RIDES_PUSH = 'rides_push';
/** Names of the features and their types in definitions, in declared order. */
export const rideFeatures = {
  trips: 'Int64',
  distance_m: 'Int64',
  rating: 'Float32',
  fare: 'Float64',
  score: 'Float64',
  city: 'String',
  segment: 'String',
  active: 'Bool',
  last_ride: 'UnixTimestamp',
  joined: 'UnixTimestamp',
} as const;

/** All event times lie between these two. */
export const firstTime = '2026-01-01T00:00:00Z';
export const lastTime = '2026-02-01T00:00:00Z';

/** Another text for other rows, so that files of an earlier version are not taken for these. */
const VERSION = 1;
const FOLDER = '.cache/bench-loading';

/** Every tenth row is a later one of an entity that has a row already. */
export function entitiesOf(rows: number): number {
  return rows - Math.floor(rows / 10);
}

/** The entity of a row: ids lie scattered, as those that are hashed or drawn do. */
export function riderOf(row: number): number {
  const first = row % 10 === 9 ? row - 9 : row;
  return Number((BigInt(first) * 2654435761n) % 4294967296n);
}

/**
 * The path of a Parquet file with the first rows of the data set: the same ones in every file, made when it is not there.
 * @param rows how many
 */
export async function rideFile(rows: number): Promise<string> {
  const file = resolve(join(FOLDER, `rides-v${VERSION}-${rows}.parquet`));
  if (existsSync(file)) return file;
  mkdirSync(resolve(FOLDER), { recursive: true });
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const duckdb = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '512MB' });
  const connection = await duckdb.connect();
  try {
    const part = `${file}.${process.pid}`;
    await connection.run(`COPY (${ridesSql(rows)}) TO '${part}' (FORMAT parquet, ROW_GROUP_SIZE 100000)`);
    renameSync(part, file);
  } finally {
    connection.closeSync();
    duckdb.closeSync();
  }
  return file;
}

/** Whole-number arithmetic only, so that every version of DuckDB gives the same values. */
function ridesSql(rows: number): string {
  return `
    SELECT
      (first * 2654435761) % 4294967296 AS ${RIDER},
      a % 5000 AS trips,
      a AS distance_m,
      ((b % 5000) / 1000.0)::FLOAT AS rating,
      (b % 1000000) / 100.0::DOUBLE AS fare,
      a / 4294967296::DOUBLE AS score,
      'city-' || (b % 500) AS city,
      'segment-' || (a % 100000) AS segment,
      b % 3 = 0 AS active,
      make_timestamp((1735689600 + a % 31536000) * 1000000) AS last_ride,
      make_timestamp((1577836800 + b % 31536000) * 1000000) AS joined,
      make_timestamp((1767225600 + r % 86400 + (CASE WHEN r % 10 = 9 THEN 86400 ELSE 0 END)) * 1000000) AS event_timestamp,
      make_timestamp((1767225600 + r % 86400 + 172800) * 1000000) AS created
    FROM (
      SELECT
        range AS r,
        (CASE WHEN range % 10 = 9 THEN range - 9 ELSE range END) AS first,
        ((range + 1) * 2246822519) % 4294967291 AS a,
        ((range + 1) * 3266489917) % 4294967279 AS b
      FROM range(${rows})
    )`;
}
