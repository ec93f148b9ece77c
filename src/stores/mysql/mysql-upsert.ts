import type { OnlineTable } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import type { MysqlConnection } from './mysql-connection.ts';
import { isTooLong } from './mysql-errors.ts';
import { MAX_BLOB_BYTES, tableName, text, upsertSql, validateFeature } from './mysql-layout.ts';

/** Values of one statement. */
const MAX_CELLS = 1000;
/** Bytes of one statement's values: half of them, in hexadecimal, with room to spare below every max_allowed_packet. */
const MAX_STATEMENT_BYTES = 256 * 1024;

export interface MysqlWrite {
  readonly table: OnlineTable;
  readonly newestOnly: boolean;
}

/** What is common to the values of a row, as literals. */
export interface MysqlRowCells {
  /** In hexadecimal. */
  readonly key: string;
  readonly eventTime: string;
  /** NULL where there is none. */
  readonly createdTime: string;
}

/** Writes values of one table in statements of bounded size. */
export class MysqlUpsert {
  readonly #connection: MysqlConnection;
  readonly #write: MysqlWrite;
  readonly #names = new Map<string, string>();
  #cells: string[] = [];
  #bytes = 0;
  #largest = { feature: '', bytes: -1 };

  constructor(connection: MysqlConnection, write: MysqlWrite) {
    this.#connection = connection;
    this.#write = write;
  }

  get isFull(): boolean {
    return this.#cells.length >= MAX_CELLS || this.#bytes >= MAX_STATEMENT_BYTES;
  }

  /** @param value in hexadecimal */
  add({ key, eventTime, createdTime }: MysqlRowCells, feature: string, value: string): void {
    const bytes = value.length / 2;
    if (bytes > this.#largest.bytes) this.#largest = { feature, bytes };
    this.#bytes += bytes;
    this.#cells.push(`('${key}',${this.#literalOf(feature)},X'${value}',${eventTime},${createdTime})`);
  }

  /** Writes what was added. */
  async flush(): Promise<void> {
    if (this.#cells.length === 0) return;
    const { table, newestOnly } = this.#write;
    const sql = upsertSql(tableName(table), this.#cells, newestOnly);
    const largest = this.#largest;
    this.#cells = [];
    this.#bytes = 0;
    this.#largest = { feature: '', bytes: -1 };
    try {
      await this.#connection.change(sql);
    } catch (error) {
      throw isTooLong(error) ? tooLong(table, largest, error) : error;
    }
  }

  #literalOf(feature: string): string {
    const known = this.#names.get(feature);
    if (known !== undefined) return known;
    validateFeature(feature, this.#write.table);
    const literal = text(feature);
    this.#names.set(feature, literal);
    return literal;
  }
}

function tooLong(
  table: OnlineTable,
  { feature, bytes }: { readonly feature: string; readonly bytes: number },
  cause: unknown,
): StoreError {
  const what =
    bytes > MAX_BLOB_BYTES
      ? `A value of feature "${feature}" has ${bytes} bytes`
      : 'A value, key or name has more bytes';
  return new StoreError('STORE_INVALID_ROW', `${what}, more than its column in the table of ${describeTable(table)}.`, {
    hint: `Feast creates the column value as BLOB, for ${MAX_BLOB_BYTES} bytes; ALTER TABLE ... MODIFY value MEDIUMBLOB takes more.`,
    cause: new Error(cause instanceof Error ? cause.message : String(cause)),
  });
}
