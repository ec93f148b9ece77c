import { FieldStatus } from '../../serving/field-status.ts';
import type { JudgedBlock } from '../../serving/judge.ts';
import type { Plan } from '../../serving/plan.ts';
import type { ServingObserver } from '../../serving/serving-observer.ts';
import { countStatuses, noStatuses } from '../status-counts.ts';
import type { HistogramSeries, MetricRegistry, NumberSeries } from './metric-registry.ts';
import type { StoreMetrics } from './store-metrics.ts';

/** Measures what requests for features got. */
export class ServingMetrics implements ServingObserver {
  readonly #registry: MetricRegistry;
  readonly #store: StoreMetrics;
  readonly #hasTimes: boolean;
  /** By the number of the status. */
  readonly #statuses: readonly (NumberSeries | undefined)[];
  readonly #counts = noStatuses();
  readonly #ages = new Map<string, HistogramSeries>();

  /** @param hasTimes whether the rows of the store have event timestamps */
  constructor(registry: MetricRegistry, store: StoreMetrics, hasTimes: boolean) {
    this.#registry = registry;
    this.#store = store;
    this.#hasTimes = hasTimes;
    const statuses: NumberSeries[] = [];
    for (const [name, number] of Object.entries(FieldStatus)) {
      if (number !== FieldStatus.INVALID) statuses[number] = registry.number('sideboard_values_total', name);
    }
    this.#statuses = statuses;
  }

  storeRead(milliseconds: number, error: unknown): void {
    this.#store.done('read', milliseconds, error);
  }

  answered(plan: Plan, judged: readonly JudgedBlock[], rows: number, now: number): void {
    const counts = this.#counts.fill(0);
    for (let index = 0; index < judged.length; index++) {
      const table = judged[index];
      if (table === undefined) continue;
      countStatuses(table, rows, counts);
      const name = plan.tables[index]?.table.name;
      if (this.#hasTimes && name !== undefined) this.#observeAge(name, table, now);
    }
    for (let status = 0; status < counts.length; status++) {
      const count = counts[status] as number;
      if (count > 0) this.#statuses[status]?.add(count);
    }
  }

  #observeAge(name: string, { block }: JudgedBlock, now: number): void {
    const { rows, found, times } = block;
    let oldest = Number.POSITIVE_INFINITY;
    for (let row = 0; row < rows; row++) {
      if (found[row] === 1 && (times[row * 2] as number) < oldest) oldest = times[row * 2] as number;
    }
    if (oldest === Number.POSITIVE_INFINITY) return;
    let series = this.#ages.get(name);
    if (series === undefined) {
      series = this.#registry.histogram('sideboard_feature_age_seconds', name);
      this.#ages.set(name, series);
    }
    series.observe(Math.max(0, now / 1000 - oldest));
  }
}
