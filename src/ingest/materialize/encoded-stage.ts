import type { DuckDBConnection } from '@duckdb/node-api';
import { translating } from './duckdb.ts';
import { NO_TIME } from './staged-rows.ts';
import { copyRows } from './typed-stage.ts';

/** A row whose key and values are encoded already. */
export interface EncodedRow {
  readonly key: Uint8Array;
  /** Serialized values in the order of the plan's features. */
  readonly values: readonly Uint8Array[];
  /** Microseconds since 1970. */
  readonly event: bigint;
  readonly created: bigint | undefined;
}

/** The appender holds what it was given until then. */
const FLUSH_BYTES = 4 * 1024 * 1024;

/** Gathers encoded rows in DuckDB, which puts to disk what memory does not hold, and sorts out the newest of each entity. */
export class EncodedStage {
  readonly #connection: DuckDBConnection;
  #appender: Awaited<ReturnType<DuckDBConnection['createAppender']>> | undefined;
  #order = 0n;
  #pending = 0;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  async add({ key, values, event, created }: EncodedRow): Promise<void> {
    this.#appender ??= await this.#open();
    const appender = this.#appender;
    const pieces = joined(values);
    appender.appendBlob(key);
    appender.appendBigInt(event);
    appender.appendBigInt(created ?? NO_TIME);
    appender.appendBigInt(this.#order++);
    appender.appendBlob(pieces);
    appender.endRow();
    this.#pending += key.length + pieces.length + 32;
    if (this.#pending < FLUSH_BYTES) return;
    this.#pending = 0;
    await translating(async () => appender.flushSync(), 'gathering rows');
  }

  /** Writes the newest row of each entity into a Parquet file. @returns the number of rows */
  async finish(target: string): Promise<number> {
    this.#appender ??= await this.#open();
    const appender = this.#appender;
    return translating(async () => {
      appender.closeSync();
      // Values may be wide: which rows are wanted is found without them, and they are not sorted.
      await this.#connection.run(`
        CREATE OR REPLACE TEMP TABLE wanted_rows AS
        SELECT i FROM encoded QUALIFY row_number() OVER (PARTITION BY k ORDER BY t DESC, c DESC, i) = 1`);
      const rows = await copyRows(
        this.#connection,
        'SELECT t, c, k, p FROM encoded SEMI JOIN wanted_rows USING (i)',
        target,
      );
      await this.#connection.run('DROP TABLE encoded; DROP TABLE wanted_rows');
      return rows;
    }, 'sorting out the newest rows');
  }

  #open(): ReturnType<DuckDBConnection['createAppender']> {
    return translating(async () => {
      await this.#connection.run('CREATE OR REPLACE TABLE encoded (k BLOB, t BIGINT, c BIGINT, i BIGINT, p BLOB)');
      return this.#connection.createAppender('encoded');
    }, 'gathering rows');
  }
}

/** Lengths in four bytes each, little-endian, and behind them the values. */
function joined(values: readonly Uint8Array[]): Uint8Array {
  const head = 4 * values.length;
  const out = new Uint8Array(values.reduce((size, value) => size + value.length, head));
  const lengths = new DataView(out.buffer);
  let pos = head;
  for (const [index, value] of values.entries()) {
    lengths.setUint32(4 * index, value.length, true);
    out.set(value, pos);
    pos += value.length;
  }
  return out;
}
