import { loadSqliteDriver } from '../../src/stores/sqlite/sqlite-driver.ts';

/** Which generations of the view's rows a reader sees, in one read of all of them. */
export interface GenerationReader {
  generations(): number[];
  close(): void;
}

/** Writes a Parquet file with two rows of each entity, a day apart, each with the number of its generation in every value. */
export async function writeGenerations(file: string, entities: number): Promise<void> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const duckdb = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await duckdb.connect();
  try {
    await connection.run(`
      COPY (
        SELECT
          entity * 7919 AS rider_id,
          generation::BIGINT AS generation,
          generation + entity / 1000::DOUBLE AS fare,
          'city-' || (entity % 100) || '-' || generation AS city,
          generation = 2 AS active,
          make_timestamp((1767225600 + 86400 * (generation - 1) + entity % 80000) * 1000000) AS event_timestamp
        FROM (SELECT range AS entity FROM range(${entities})), (SELECT unnest([1, 2]) AS generation)
      ) TO '${file}' (FORMAT parquet)`);
  } finally {
    connection.closeSync();
    duckdb.closeSync();
  }
}

/** Opens the SQLite store of project `kills` beside whoever loads it. */
export async function openGenerations(file: string): Promise<GenerationReader> {
  const Driver = await loadSqliteDriver();
  const database = new Driver(file, { fileMustExist: true, timeout: 10_000 });
  // Names, values and times each tell a generation; in one statement they come from one state of the file.
  const statement = database.prepare(`
    SELECT DISTINCT CASE
      WHEN feature_name = 'generation' THEN value
      WHEN feature_name = 'active' THEN (CASE hex(value) WHEN '3800' THEN x'2001' WHEN '3801' THEN x'2002' END)
    END
    FROM kills_rides
    WHERE feature_name IN ('generation', 'active')`);
  return {
    generations: () => (statement.raw().all() as [Buffer][]).map(([value]) => value[1] ?? -1).sort((a, b) => a - b),
    close: () => void database.close(),
  };
}
