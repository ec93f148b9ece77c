import { mkdir } from 'node:fs/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { SideboardError } from '../../errors.ts';
import { MaterializeError } from '../materialize-error.ts';
import { loadOptionalPackage } from './optional-package.ts';

/**
 * What DuckDB may hold, of the 400 MB that a run stays below: its buffers. What it needs beyond them, its threads and Node take
 * the rest. Measured with ten million entities; larger operations go through files in `temp_directory`.
 */
const SORTING_MEMORY = '128MB';
/** Enough to read staged rows, whose files have small pages. */
const READING_MEMORY = '64MB';

export interface Duckdb {
  readonly connection: DuckDBConnection;
  /** Another one: a statement ends the result that is being streamed on its own connection. */
  readonly second: DuckDBConnection;
  close(): void;
}

/**
 * Opens a DuckDB of this process that fetches no extension from anywhere.
 * @param tempFolder where it puts what does not fit into memory; made where it is not there
 * @param use for sorting what is read, or for reading what is sorted
 * @throws MaterializeError `MATERIALIZE_PACKAGE_MISSING`
 */
export async function openDuckdb(tempFolder: string, use: 'sorting' | 'reading'): Promise<Duckdb> {
  const api = await loadOptionalPackage('@duckdb/node-api', 'Loading from files', () => import('@duckdb/node-api'));
  await mkdir(tempFolder, { recursive: true });
  return translating(async () => {
    const instance: DuckDBInstance = await api.DuckDBInstance.create(':memory:', {
      memory_limit: use === 'sorting' ? SORTING_MEMORY : READING_MEMORY,
      temp_directory: tempFolder,
      threads: use === 'sorting' ? '2' : '1',
      // The order is made where it matters; keeping it everywhere takes memory that grows with the data.
      preserve_insertion_order: 'false',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
    });
    const connection = await instance.connect();
    const second = await instance.connect();
    for (const each of [connection, second]) await each.run("SET TimeZone = 'UTC'");
    return {
      connection,
      second,
      close() {
        connection.closeSync();
        second.closeSync();
        instance.closeSync();
      },
    };
  });
}

/** Runs what talks to DuckDB: its failures become errors of ours. Its own texts may hold values and stay in the cause. */
export async function translating<T>(work: () => Promise<T>, what = 'reading the source'): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw errorFromDuckdb(error, what);
  }
}

/** Whether a query needed more memory than DuckDB may hold. */
export function isOutOfMemory(error: unknown): boolean {
  const cause = error instanceof MaterializeError ? error.cause : error;
  return cause instanceof Error && /^Out of Memory Error:/.test(cause.message);
}

function errorFromDuckdb(error: unknown, what: string): unknown {
  if (error instanceof SideboardError || !(error instanceof Error)) return error;
  // The bindings throw plain errors, whose text begins with DuckDB's class of the failure.
  const kind = /^([A-Z][A-Za-z ]*?) Error:/.exec(error.message)?.[1];
  switch (kind) {
    case 'Out of Memory':
      return new MaterializeError('MATERIALIZE_FAILED', `Memory or disk space ran short while ${what}.`, {
        hint: 'See that the disk of the state folder (--state-dir) has room for several times the size of the source.',
        cause: error,
      });
    case 'IO':
    case 'Invalid Input':
    case 'Invalid':
    case 'Serialization':
    case 'Conversion':
    case 'Not implemented':
      return new MaterializeError('MATERIALIZE_SOURCE_UNREADABLE', `DuckDB failed while ${what} (${kind}).`, {
        hint: 'The file is not a whole Parquet file, or the disk is full. --verbose shows what DuckDB said.',
        cause: error,
      });
    case undefined:
      return error;
    default:
      return new MaterializeError('MATERIALIZE_FAILED', `DuckDB failed while ${what} (${kind}).`, {
        hint: '--verbose shows what DuckDB said.',
        cause: error,
      });
  }
}

/** The only row of a query, as text by column: numbers that count. */
export async function countsFrom(connection: DuckDBConnection, sql: string): Promise<readonly number[]> {
  const reader = await connection.runAndReadAll(sql);
  return (reader.getRows()[0] ?? []).map((value) => Number(value ?? 0));
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
