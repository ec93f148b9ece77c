import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import type { Readiness } from '../operations/readiness.ts';
import { StoreProbe } from '../operations/store-probe.ts';
import type { OnlineStore } from '../stores/online-store.ts';

/** How long the store may take to answer whether it is there; serving does not wait for it. */
const PING_MS = 5_000;
/** The same where readiness hangs on it for as long as the process serves. */
const STRICT_PING_MS = 1_000;

/** Asks the store whether it is there: once, or for as long as the process serves, as `sideboard.readiness.store` says. */
export function createStoreProbe(
  { sideboard }: FeatureStoreConfig,
  store: OnlineStore,
  readiness: Readiness,
  onFirstFailure: (error: unknown) => void,
): StoreProbe {
  const policy = sideboard.readiness.store;
  const withinMs = policy === 'strict' ? STRICT_PING_MS : PING_MS;
  return new StoreProbe({
    policy,
    ping: () => pingStore(store, withinMs),
    onAnswer: () => readiness.storeAnswered(),
    onFailure: (code) => readiness.storeFailed(code),
    onFirstFailure,
  });
}

export function pingStore(store: OnlineStore, withinMs = PING_MS): Promise<void> {
  return store.ping({ deadline: Date.now() + withinMs });
}
