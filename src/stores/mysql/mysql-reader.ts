import type { CallOptions, TableRead } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { GatheredValues } from '../sql/gathered-values.ts';
import type { SqlDatabase } from '../sql/sql-database.ts';
import { StoreError } from '../store-error.ts';
import type { MysqlConnection, MysqlRow } from './mysql-connection.ts';
import { eventTime, hex, quoteName, tableName, text } from './mysql-layout.ts';

/** Asked for more than a third of a view's features, it is faster to read all of them than to look each up. */
const WHOLE_FROM = 1 / 3;
/** Entities of one query: a larger request takes several, between which others have their turn. */
const MAX_KEYS = 1000;
const NAME_END = '\0';

/** What is prepared for a list of features. A compiled plan comes with the same list every time. */
interface PreparedRead {
  readonly table: TableRead['table'];
  readonly values: GatheredValues;
  /** The query up to the keys, and behind them. */
  readonly head: string;
  readonly tail: string;
}

/** One table's part of one query. */
interface Part {
  readonly read: TableRead;
  readonly prepared: PreparedRead;
  /** Stored key to the rows of the block that ask for it. */
  readonly rows: Map<string, number[]>;
}

/** Reads rows: all entities of all views in one query, which gives one result row per entity and view. */
export class MysqlReader {
  readonly #database: SqlDatabase<MysqlConnection>;
  readonly #hint: string;
  readonly #prepared = new WeakMap<readonly string[], PreparedRead>();

  /** @param timeoutMs how long the server itself may work on a query, in milliseconds */
  constructor(database: SqlDatabase<MysqlConnection>, timeoutMs: number) {
    this.#database = database;
    this.#hint = `/*+ MAX_EXECUTION_TIME(${timeoutMs}) */`;
  }

  /** @throws StoreError */
  async read(reads: readonly TableRead[], options?: CallOptions): Promise<void> {
    for (const parts of this.#split(reads)) {
      const sql = parts.map((part, index) => this.#partSql(part, index)).join('\nUNION ALL');
      const rows = await this.#database.read((connection) => connection.query(sql), options);
      const scattered = placeRows(parts, rows);
      for (const { part, key } of scattered) await this.#readPlainly(part, key, options);
    }
  }

  *#split(reads: readonly TableRead[]): Generator<readonly Part[]> {
    let parts: Part[] = [];
    let left = MAX_KEYS;
    for (const read of reads) {
      const prepared = this.#prepare(read);
      for (let start = 0; start < read.keys.length; ) {
        const end = Math.min(read.keys.length, start + left);
        const rows = new Map<string, number[]>();
        for (let row = start; row < end; row++) {
          const key = hex(read.keys[row] ?? new Uint8Array());
          const known = rows.get(key);
          if (known === undefined) rows.set(key, [row]);
          else known.push(row);
        }
        parts.push({ read, prepared, rows });
        left -= end - start;
        start = end;
        if (left > 0) continue;
        yield parts;
        parts = [];
        left = MAX_KEYS;
      }
    }
    if (parts.length > 0) yield parts;
  }

  #prepare(read: TableRead): PreparedRead {
    const known = this.#prepared.get(read.features);
    if (known?.table === read.table) return known;
    const prepared = { table: read.table, values: new GatheredValues(read.features, NAME_END), ...querySql(read) };
    this.#prepared.set(read.features, prepared);
    return prepared;
  }

  #partSql({ prepared, rows }: Part, index: number): string {
    const keys = [...rows.keys()].map((key) => `'${key}'`).join(', ');
    return `\nSELECT ${index === 0 ? this.#hint : ''} ${index}, ${prepared.head}${keys}${prepared.tail}`;
  }

  /** Value by value: for an entity with a NULL among its values, or with more than the server gathers. */
  async #readPlainly({ read, rows }: Part, key: string, options?: CallOptions): Promise<void> {
    const { table, features, block } = read;
    const names = features.map(text).join(', ');
    const sql = `
      SELECT CONVERT(feature_name USING utf8mb4), value
      FROM ${quoteName(tableName(table))}
      WHERE entity_key = '${key}' AND feature_name IN (${names})`;
    const stored = await this.#database.read((connection) => connection.query(sql), options);
    const values = new Map(stored.map(([name, value]) => [String(name), value]));
    for (const row of rows.get(key) ?? []) {
      for (const [column, feature] of features.entries()) {
        const value = values.get(feature);
        if (value === null) {
          throw new StoreError(
            'STORE_CORRUPT',
            `Feature "${feature}" in row ${row} of ${describeTable(table)} is stored as NULL.`,
            { hint: 'The column value holds serialized feast.types.Value messages; a null is stored as no bytes.' },
          );
        }
        if (value !== undefined) block.setValue(row, column, value, 0, value.length);
      }
    }
  }
}

/**
 * The query for one view. Per entity that has a row: the key, how many values were gathered, their names, lengths and bytes, and
 * the event time.
 *
 * An entity's event time is that of the last of its features in the order of the primary key, of all that it holds, asked for
 * or not: Feast walks the features in that order and keeps the last time it saw.
 */
function querySql({ table, features }: TableRead): { head: string; tail: string } {
  const name = quoteName(tableName(table));
  const whole = features.length > table.features.length * WHOLE_FROM;
  const wanted = features.length === 0 ? '1 = 0' : `v.feature_name IN (${features.map(text).join(', ')})`;
  return {
    head: `
      r.entity_key,
      COUNT(v.feature_name),
      CONVERT(GROUP_CONCAT(v.feature_name SEPARATOR '\\0') USING utf8mb4),
      GROUP_CONCAT(LENGTH(v.value)),
      GROUP_CONCAT(v.value SEPARATOR ''),
      MAX(l.event_ts)
    FROM (
      SELECT entity_key, MAX(feature_name) AS last_name FROM ${name} WHERE entity_key IN (`,
    tail: `) GROUP BY entity_key
    ) r
    JOIN ${name} l ON l.entity_key = r.entity_key AND l.feature_name = r.last_name
    LEFT JOIN ${name} v ON v.entity_key = r.entity_key${whole && features.length > 0 ? '' : ` AND ${wanted}`}
    GROUP BY r.entity_key`,
  };
}

/** @returns entities whose values have to be read one by one */
function placeRows(parts: readonly Part[], rows: readonly MysqlRow[]): { part: Part; key: string }[] {
  const scattered: { part: Part; key: string }[] = [];
  for (const [index = null, storedKey = null, count = null, names = null, lengths = null, bytes, time] of rows) {
    const part = parts[Number(asText(index))];
    const key = asText(storedKey);
    const [first, ...others] = part?.rows.get(key) ?? [];
    if (part === undefined || first === undefined) continue;
    const { table, block, features } = part.read;
    const describe = (): string => `row ${first} of ${describeTable(table)}`;
    const { seconds, nanos } = eventTime(time == null ? undefined : asText(time), describe);
    block.setRow(first, seconds, nanos);
    const found = Number(asText(count));
    if (found > 0 && features.length > 0) {
      // The count tells names that were cut off together with as many lengths.
      const { values } = part.prepared;
      const placed = values.place(block, first, asText(names), asText(lengths), bytes ?? EMPTY, found);
      if (!placed) scattered.push({ part, key });
    }
    for (const other of others) block.copyRow(other, block, first);
  }
  return scattered;
}

const EMPTY = Buffer.alloc(0);

function asText(column: Buffer | null): string {
  return column === null ? '' : column.toString('utf8');
}
