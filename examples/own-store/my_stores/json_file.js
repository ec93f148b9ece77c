import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { assertTimeLeft, describeTable, keysFromRows, StoreError, serializeKeys } from 'sideboard/stores';
import { z } from 'zod';

/** What may stand under `online_store:` beside `type`. */
export const JsonFileOnlineStoreConfig = z.strictObject({
  /** The file, relative to the folder of feature_store.yaml. */
  path: z.string().min(1).default('data/online.json'),
});

/**
 * Keeps all rows in one JSON file: readable, and slow beyond a few thousand rows.
 *
 *     { "<project>/<view>": { "<entity key, hex>": { "time": [seconds, nanos], "values": { "<feature>": "<hex>" } } } }
 *
 * @implements {import('sideboard/stores').OnlineStore}
 */
export class JsonFileOnlineStore {
  /** Prints a warning when the store is used: this one is an example. */
  static alpha = true;

  /** @type {import('sideboard/stores').StoreCapabilities} */
  capabilities = {
    readMany: false,
    ttl: false,
    directWrite: true,
    keepsNewest: false,
    newestOnly: true,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  };
  /** The last change to each file: stores of one process take turns. Of several processes only one may write. */
  static #lastChanges = new Map();
  #path;
  #closed = false;

  constructor(config, context) {
    this.#path = resolve(context.repoPath, config.path);
  }

  async update(change, options) {
    await this.#change(options, (tables) => {
      for (const table of change.tablesToKeep) tables[idOf(table)] ??= {};
      for (const table of change.tablesToDelete) delete tables[idOf(table)];
    });
  }

  async teardown(tablesToDelete, _entities, options) {
    await this.#change(options, (tables) => {
      for (const table of tablesToDelete) delete tables[idOf(table)];
    });
  }

  async onlineWriteBatch(table, rows, progress, options) {
    const keys = keysFromRows(table, rows);
    await this.#change(options, (tables) => {
      const stored = rowsOf(tables, table);
      for (const [index, row] of rows.entries()) {
        const key = hex(keys[index]);
        const { seconds, nanos } = row.eventTimestamp;
        const [since, sinceNanos] = stored[key]?.time ?? [Number.NEGATIVE_INFINITY, 0];
        if (options?.newestOnly && (seconds - since || nanos - sinceNanos) < 0) continue;
        const values = { ...stored[key]?.values };
        for (const [feature, value] of row.values) values[feature] = hex(value);
        stored[key] = { time: [seconds, nanos], values };
      }
    });
    progress?.(rows.length);
  }

  async onlineRead(table, entityKeys, requestedFeatures, options) {
    const features = requestedFeatures ?? table.features.map((feature) => feature.name);
    const keys = serializeKeys(table, entityKeys, options?.entityKeyVersion);
    const stored = rowsOf(await this.#load(options), table);
    return keys.map((key) => {
      const row = stored[hex(key)];
      if (row === undefined) return undefined;
      const known = features.filter((feature) => Object.hasOwn(row.values, feature));
      const [seconds, nanos] = row.time;
      return {
        eventTimestamp: { seconds, nanos },
        values: new Map(known.map((feature) => [feature, Buffer.from(row.values[feature], 'hex')])),
      };
    });
  }

  async ping(options) {
    await this.#load(options);
  }

  async close() {
    this.#closed = true;
    await JsonFileOnlineStore.#lastChanges.get(this.#path);
  }

  /** One change after the other, each written beside the file and moved into its place: no reader sees half of one. */
  #change(options, apply) {
    const lastChanges = JsonFileOnlineStore.#lastChanges;
    const change = (lastChanges.get(this.#path) ?? Promise.resolve()).then(async () => {
      const tables = await this.#load(options);
      apply(tables);
      await mkdir(dirname(this.#path), { recursive: true });
      await writeFile(`${this.#path}.new`, JSON.stringify(tables));
      await rename(`${this.#path}.new`, this.#path);
    });
    const settled = change.catch(() => {});
    lastChanges.set(this.#path, settled);
    return change;
  }

  async #load(options) {
    if (this.#closed) throw new StoreError('STORE_CLOSED', `The store on ${this.#path} was closed.`);
    assertTimeLeft(options, `reading ${this.#path}`);
    try {
      return JSON.parse(await readFile(this.#path, 'utf8'));
    } catch (error) {
      if (error.code === 'ENOENT') return {};
      const code = error instanceof SyntaxError ? 'STORE_WRONG_LAYOUT' : 'STORE_UNAVAILABLE';
      throw new StoreError(code, `${this.#path} cannot be read as JSON.`, { cause: error });
    }
  }
}

function rowsOf(tables, table) {
  const rows = tables[idOf(table)];
  if (rows !== undefined) return rows;
  throw new StoreError('STORE_TABLE_MISSING', `There is no ${describeTable(table)} in the file.`, {
    hint: 'Run `sideboard apply`.',
  });
}

const idOf = (table) => `${table.project}/${table.name}`;
const hex = (bytes) => Buffer.from(bytes).toString('hex');
