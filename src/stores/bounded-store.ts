import { assertTimeLeft, withinLimits } from './call-limits.ts';
import type { CallOptions, OnlineStore } from './online-store.ts';

/** Longest delay of a timer; no call waits that long. */
const NO_LIMIT = 2 ** 31 - 1;

/**
 * The same store, with the caller's deadline and signal enforced from outside. For stores of the user's own: whoever writes one
 * may leave that to Sideboard, and a call that hangs does not hang its caller.
 */
export function withBoundedCalls(store: OnlineStore, doing: string): OnlineStore {
  const bound = <T>(options: CallOptions | undefined, call: () => Promise<T>): Promise<T> => {
    try {
      assertTimeLeft(options, doing);
    } catch (error) {
      return Promise.reject(error);
    }
    if (options?.deadline === undefined && options?.signal === undefined) return call();
    return withinLimits(call(), options, NO_LIMIT, doing);
  };
  const { readMany, listTables, sampleKeys } = store;
  return {
    capabilities: store.capabilities,
    update: (change, options) => bound(options, () => store.update(change, options)),
    teardown: (tables, entities, options) => bound(options, () => store.teardown(tables, entities, options)),
    onlineWriteBatch: (table, rows, progress, options) =>
      bound(options, () => store.onlineWriteBatch(table, rows, progress, options)),
    onlineRead: (table, keys, features, options) =>
      bound(options, () => store.onlineRead(table, keys, features, options)),
    ...(readMany !== undefined && {
      readMany: (reads, options) => bound(options, () => readMany.call(store, reads, options)),
    }),
    ...(listTables !== undefined && {
      listTables: (project, options) => bound(options, () => listTables.call(store, project, options)),
    }),
    ...(sampleKeys !== undefined && {
      sampleKeys: (table, limit, options) => bound(options, () => sampleKeys.call(store, table, limit, options)),
    }),
    ping: (options) => bound(options, () => store.ping(options)),
    close: () => store.close(),
  };
}
