import type { OnlineStore } from '../online-store.ts';
import type { RetryAllowance } from '../retry-allowance.ts';
import type { StoreBreaker } from './store-breaker.ts';

/**
 * The same store, asked only while the breaker lets calls through, and whose calls earn the allowance of retries. What asks whether it is
 * there, and what tools do, goes through always.
 */
export function breakCircuit(
  store: OnlineStore,
  breaker: StoreBreaker | undefined,
  retries: RetryAllowance,
): OnlineStore {
  const { writeBlock, readMany, beginLoad, connections } = store;
  const ask = <T>(call: () => Promise<T>): Promise<T> => {
    const refusal = breaker?.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    retries.earn();
    return breaker === undefined ? call() : breaker.watch(call());
  };
  return {
    capabilities: store.capabilities,
    update: (...all) => store.update(...all),
    teardown: (...all) => store.teardown(...all),
    onlineWriteBatch: (...all) => ask(() => store.onlineWriteBatch(...all)),
    onlineRead: (...all) => ask(() => store.onlineRead(...all)),
    ...(writeBlock !== undefined && { writeBlock: (...all) => ask(() => writeBlock.apply(store, all)) }),
    ...(readMany !== undefined && { readMany: (reads, call) => ask(() => readMany.call(store, reads, call)) }),
    ...(beginLoad !== undefined && { beginLoad: (...all) => ask(() => beginLoad.apply(store, all)) }),
    ...(connections !== undefined && { connections: () => connections.call(store) }),
    ping: (call) => store.ping(call),
    close: () => store.close(),
  };
}
