import { SideboardError } from '../../errors.ts';
import type { BreakerState, StoreBreaker } from '../../stores/breaker/store-breaker.ts';
import type { OnlineStore } from '../../stores/online-store.ts';
import type { RetryAllowance } from '../../stores/retry-allowance.ts';
import type { HistogramSeries, MetricRegistry, NumberSeries } from './metric-registry.ts';

const STATES: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 };

export type StoreOperation = 'read' | 'write' | 'ping';

/** Measures what the store does: how long it takes, and how it fails. */
export class StoreMetrics {
  readonly #registry: MetricRegistry;
  readonly #type: string;
  readonly #durations: Readonly<Record<StoreOperation, HistogramSeries>>;

  /** @param type as `online_store.type` names the store */
  constructor(registry: MetricRegistry, type: string) {
    this.#registry = registry;
    this.#type = type;
    const duration = (operation: StoreOperation): HistogramSeries =>
      registry.histogram('sideboard_store_operation_duration_seconds', type, operation);
    this.#durations = { read: duration('read'), write: duration('write'), ping: duration('ping') };
  }

  /** @param error `undefined` for what succeeded */
  done(operation: StoreOperation, milliseconds: number, error?: unknown): void {
    const code = error instanceof SideboardError ? error.code : 'INTERNAL';
    // The store was not asked; the breaker counts these itself.
    if (error !== undefined && code === 'STORE_CIRCUIT_OPEN') return;
    this.#durations[operation].observe(milliseconds / 1000);
    if (error === undefined) return;
    this.#registry.number('sideboard_store_errors_total', this.#type, operation, code).add(1);
  }

  /** The connections of a store that keeps several. */
  watchConnections(store: OnlineStore): void {
    const first = store.connections?.();
    if (first === undefined) return;
    const states = (['in_use', 'idle', 'connecting'] as const).map((state) =>
      this.#registry.number('sideboard_store_connections', this.#type, state),
    );
    const waiting =
      first.waiting === undefined ? undefined : this.#registry.number('sideboard_store_calls_waiting', this.#type);
    this.#registry.onCollect(() => {
      const now = store.connections?.();
      if (now === undefined) return;
      for (const [index, count] of [now.inUse, now.idle, now.connecting].entries()) states[index]?.set(count);
      waiting?.set(now.waiting ?? 0);
    });
  }

  /** The circuit breaker in front of the store, and the allowance of repeats. */
  watchBreaker(breaker: StoreBreaker | undefined, retries: RetryAllowance): void {
    const registry = this.#registry;
    const granted = registry.number('sideboard_store_retries_total', this.#type, 'granted');
    const denied = registry.number('sideboard_store_retries_total', this.#type, 'denied');
    registry.onCollect(() => {
      const counters = retries.counters();
      granted.set(counters.granted);
      denied.set(counters.denied);
    });
    if (breaker === undefined) return;
    for (const each of Object.keys(STATES) as BreakerState[]) this.#changes(each);
    const state = registry.number('sideboard_store_breaker_state', this.#type);
    const refused = registry.number('sideboard_store_breaker_refused_total', this.#type);
    registry.onCollect(() => {
      state.set(STATES[breaker.state]);
      refused.set(breaker.refused);
    });
  }

  breakerChanged(state: BreakerState): void {
    this.#changes(state).add(1);
  }

  #changes(state: BreakerState): NumberSeries {
    return this.#registry.number('sideboard_store_breaker_changes_total', this.#type, state);
  }

  async measure<T>(operation: StoreOperation, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      const result = await work();
      this.done(operation, performance.now() - start);
      return result;
    } catch (error) {
      this.done(operation, performance.now() - start, error);
      throw error;
    }
  }

  /** The store, measured at what writing asks of it. */
  measured(store: OnlineStore): OnlineStore {
    const { writeBlock, readMany, beginLoad } = store;
    const measured: OnlineStore = {
      capabilities: store.capabilities,
      update: (...all) => store.update(...all),
      teardown: (...all) => store.teardown(...all),
      onlineWriteBatch: (...all) => this.measure('write', () => store.onlineWriteBatch(...all)),
      onlineRead: (...all) => this.measure('read', () => store.onlineRead(...all)),
      ping: (...all) => this.measure('ping', () => store.ping(...all)),
      close: () => store.close(),
    };
    if (writeBlock !== undefined) {
      measured.writeBlock = (...all) => this.measure('write', () => writeBlock.apply(store, all));
    }
    if (readMany !== undefined) {
      measured.readMany = (...all) => this.measure('read', () => readMany.apply(store, all));
    }
    if (beginLoad !== undefined) measured.beginLoad = (...all) => beginLoad.apply(store, all);
    return measured;
  }
}
