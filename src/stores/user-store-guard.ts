import { SideboardError } from '../errors.ts';
import { assertTimeLeft, withinLimits } from './call-limits.ts';
import type { CallOptions, OnlineStore, StoredRow, TableLoad } from './online-store.ts';
import type { Retries } from './retry-allowance.ts';
import { StoreError, type StoreErrorCode, storeErrors } from './store-error.ts';

/** Longest delay of a timer; no call waits that long. */
const NO_LIMIT = 2 ** 31 - 1;

/** Has a call settle in time, and fail with a `StoreError` only. */
type Guard = <T>(options: CallOptions | undefined, call: () => Promise<T>) => Promise<T>;

/**
 * The same store, held from outside to what its author may have left undone: a call that hangs ends with its caller's deadline
 * or signal, every failure is a `StoreError`, and rows that were read are of the form that the contract demands.
 *
 * @param type how messages call the store
 * @param retries asked before a read is repeated whose connection broke; without it nothing is repeated
 */
export function guardUserStore(store: OnlineStore, type: string, retries?: Retries): OnlineStore {
  const doing = `waiting for the store ${type}`;
  const guard: Guard = async (options, call) => {
    assertTimeLeft(options, doing);
    try {
      if (options?.deadline === undefined && options?.signal === undefined) return await call();
      return await withinLimits(call(), options, NO_LIMIT, doing);
    } catch (error) {
      throw storeErrorFrom(error, type);
    }
  };
  const { writeBlock, beginLoad, readMany, listTables, sampleKeys, sampleHashedRows, connections, secretVersion } =
    store;
  return {
    capabilities: store.capabilities,
    update: (change, options) => guard(options, () => store.update(change, options)),
    teardown: (tables, entities, options) => guard(options, () => store.teardown(tables, entities, options)),
    onlineWriteBatch: (table, rows, progress, options) =>
      guard(options, () => store.onlineWriteBatch(table, rows, progress, options)),
    onlineRead: (table, keys, features, options) =>
      guard(options, async () => {
        const read = (): Promise<unknown> => store.onlineRead(table, keys, features, options);
        const rows = await read().catch(async (error: unknown) => {
          if (!isConnectionLoss(error) || (await retries?.granted(options)) !== true) throw error;
          return read();
        });
        assertRows(rows, keys.length, type);
        return rows;
      }),
    ...(writeBlock !== undefined && {
      writeBlock: (table, block, options) => guard(options, () => writeBlock.call(store, table, block, options)),
    }),
    ...(beginLoad !== undefined && {
      beginLoad: (table, options) => beginGuarded(() => beginLoad.call(store, table, options), options, guard, type),
    }),
    ...(readMany !== undefined && {
      readMany: (reads, options) => guard(options, () => readMany.call(store, reads, options)),
    }),
    ...(listTables !== undefined && {
      listTables: (project, options) => guard(options, () => listTables.call(store, project, options)),
    }),
    ...(sampleKeys !== undefined && {
      sampleKeys: (table, limit, options) => guard(options, () => sampleKeys.call(store, table, limit, options)),
    }),
    ...(sampleHashedRows !== undefined && {
      sampleHashedRows: (table, limit, options) =>
        guard(options, () => sampleHashedRows.call(store, table, limit, options)),
    }),
    ...(connections !== undefined && { connections: () => connections.call(store) }),
    ...(secretVersion !== undefined && { secretVersion: () => secretVersion.call(store) }),
    ping: (options) => guard(options, () => store.ping(options)),
    close: () => store.close(),
  };
}

function guardLoad(load: TableLoad, guard: Guard): TableLoad {
  return {
    write: (block, options) => guard(options, () => load.write(block, options)),
    commit: (options) => guard(options, () => load.commit(options)),
    abort: () => guard(undefined, () => load.abort()),
  };
}

/** A load that begins when its caller has given up is dropped: nobody else would. */
async function beginGuarded(
  begin: () => Promise<TableLoad>,
  options: CallOptions | undefined,
  guard: Guard,
  type: string,
): Promise<TableLoad> {
  let isLeft = false;
  try {
    const load = await guard(options, async () => {
      const begun: unknown = await begin();
      assertLoad(begun, type);
      if (isLeft) await begun.abort();
      return begun;
    });
    return guardLoad(load, guard);
  } catch (error) {
    isLeft = true;
    throw error;
  }
}

function assertLoad(load: unknown, type: string): asserts load is TableLoad {
  const { write, commit, abort } = (load ?? {}) as Partial<TableLoad>;
  if ([write, commit, abort].every((method) => typeof method === 'function')) return;
  throw new StoreError('STORE_FAILED', `What beginLoad of the store ${type} gave is not a load.`, {
    hint: 'beginLoad gives an object with the methods write, commit and abort.',
  });
}

/**
 * A store beside `feature_store.yaml` may have brought its own copy of Sideboard, whose errors are of other classes than these:
 * they are known by their code.
 */
function storeErrorFrom(error: unknown, type: string): SideboardError {
  if (error instanceof SideboardError) return error;
  if (error instanceof Error && 'code' in error && isStoreErrorCode(error.code)) {
    const hint = 'hint' in error && typeof error.hint === 'string' ? { hint: error.hint } : {};
    return new StoreError(error.code, error.message, { ...hint, cause: error });
  }
  // What the error says stays in the log: nobody promised that it holds no secret.
  return new StoreError('STORE_FAILED', `The store ${type} failed with an error that has no code.`, {
    hint: 'The log has the cause, or --verbose. Its author can throw a StoreError with a code instead.',
    cause: error,
  });
}

/** What sockets say of a connection that broke or was refused: nothing was answered. */
const LOST: ReadonlySet<unknown> = new Set(['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE']);
const MAX_CAUSES = 8;

function isConnectionLoss(error: unknown): boolean {
  let each: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && each instanceof Error; depth++) {
    if ('code' in each && LOST.has(each.code)) return true;
    each = each.cause;
  }
  return false;
}

function isStoreErrorCode(code: unknown): code is StoreErrorCode {
  return typeof code === 'string' && Object.hasOwn(storeErrors, code);
}

/** A list that is too short would pass for missing rows, and a value that is not bytes for other bytes. */
function assertRows(rows: unknown, expected: number, type: string): asserts rows is readonly (StoredRow | undefined)[] {
  if (!Array.isArray(rows) || rows.length !== expected) {
    const got = Array.isArray(rows) ? `${rows.length} entries` : 'no list';
    throw new StoreError('STORE_FAILED', `The store ${type} was asked for ${expected} rows and gave ${got}.`, {
      hint: 'onlineRead gives one entry per entity key, undefined where there is no row.',
    });
  }
  for (const [index, row] of (rows as unknown[]).entries()) {
    if (row === undefined || isStoredRow(row)) continue;
    throw new StoreError('STORE_CORRUPT', `Row ${index} that the store ${type} gave is not a row.`, {
      hint: 'A row has an eventTimestamp of seconds and nanos, and values: a Map from feature name to Uint8Array.',
    });
  }
}

function isStoredRow(row: unknown): row is StoredRow {
  if (typeof row !== 'object' || row === null) return false;
  const { eventTimestamp, values } = row as Partial<StoredRow>;
  if (!Number.isSafeInteger(eventTimestamp?.seconds) || !Number.isInteger(eventTimestamp?.nanos)) return false;
  return values instanceof Map && [...values.values()].every((value) => value instanceof Uint8Array);
}
