import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import type { Logger } from '../operations/logger.ts';
import type { StoreMetrics } from '../operations/metrics/store-metrics.ts';
import { breakCircuit } from '../stores/breaker/break-circuit.ts';
import { type BreakerChange, StoreBreaker } from '../stores/breaker/store-breaker.ts';
import type { OnlineStore } from '../stores/online-store.ts';
import { RetryAllowance } from '../stores/retry-allowance.ts';
import { openProjectStore } from './composition.ts';

export interface ServedStore {
  /** Asked through the circuit breaker. */
  readonly store: OnlineStore;
  /** Why it is not to be asked now; absent where there is no breaker. */
  readonly refusal: (() => Error | undefined) | undefined;
  close(): Promise<void>;
}

/**
 * Opens the store of a process that serves: behind a circuit breaker, and with an allowance of repeats for all calls together.
 * @throws ResolutionError, ConfigError
 */
export async function openServedStore(
  config: FeatureStoreConfig,
  log: Logger,
  metrics: StoreMetrics | undefined,
): Promise<ServedStore> {
  const { breaker: settings, retries } = config.sideboard;
  const allowance = new RetryAllowance(retries.percent);
  const opened = await openProjectStore(config, (message) => log.warn(message), allowance);
  const breaker = settings.enabled
    ? new StoreBreaker({
        ...settings,
        ping: (call) => opened.ping(call),
        secretVersion: opened.secretVersion && (() => opened.secretVersion?.()),
        onChange: createChangeLog(log, (change) => metrics?.breakerChanged(change.state)),
      })
    : undefined;
  metrics?.watchBreaker(breaker, allowance);
  metrics?.watchConnections(opened);
  return {
    store: breakCircuit(opened, breaker, allowance),
    refusal: breaker && (() => breaker.refusal()),
    async close() {
      breaker?.close();
      await opened.close();
    },
  };
}

/** A store that stays away fails probe after probe: those are for whoever looks closely. */
function createChangeLog(log: Logger, count: (change: BreakerChange) => void): (change: BreakerChange) => void {
  let since: number | undefined;
  return (change) => {
    count(change);
    const { state, code, probeInMs } = change;
    if (state === 'closed') {
      const openMs = since === undefined ? 0 : Math.round(performance.now() - since);
      since = undefined;
      log.info({ breaker: state, openMs }, 'the circuit breaker has closed: the online store answers again');
    } else if (state === 'open' && since === undefined) {
      since = performance.now();
      log.warn({ breaker: state, code, probeInMs }, 'the circuit breaker has opened: the online store does not answer');
    } else log.debug({ breaker: state, code, probeInMs }, 'the circuit breaker has changed');
  };
}
