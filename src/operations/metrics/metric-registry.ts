import { type MetricDefinition, type MetricName, metrics } from './metric-catalogue.ts';
import { type MetricsSnapshot, seriesKey } from './metric-snapshot.ts';

/** How many sets of labels a metric has, where callers or a registry choose them; all others count as `other`. */
export const MAX_SERIES = 100;

/** A counter or a gauge. */
export class NumberSeries {
  readonly values = new Float64Array(1);

  add(amount: number): void {
    (this.values[0] as number) += amount;
  }

  set(value: number): void {
    this.values[0] = value;
  }
}

export class HistogramSeries {
  readonly values: Float64Array;
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.values = new Float64Array(bounds.length + 2);
  }

  observe(value: number): void {
    const { values } = this;
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    (values[bucket] as number)++;
    (values[bounds.length + 1] as number) += value;
  }
}

type Series = NumberSeries | HistogramSeries;

/**
 * What one process measures. Whoever measures often asks for a series once and keeps it: then measuring is adding to a number. Values of
 * labels are bounded: behind {@link MAX_SERIES} sets of them a metric has one more, `other` in each.
 */
export class MetricRegistry {
  readonly #families = new Map<MetricName, Map<string, Series>>();
  readonly #collectors: (() => void)[] = [];

  number(name: MetricName, ...labels: readonly string[]): NumberSeries {
    return this.#series(name, labels, () => new NumberSeries()) as NumberSeries;
  }

  histogram(name: MetricName, ...labels: readonly string[]): HistogramSeries {
    const { buckets = [] }: MetricDefinition = metrics[name];
    return this.#series(name, labels, () => new HistogramSeries(buckets)) as HistogramSeries;
  }

  /** Called before each snapshot: sets what is only looked at then. */
  onCollect(collect: () => void): void {
    this.#collectors.push(collect);
  }

  snapshot(): MetricsSnapshot {
    for (const collect of this.#collectors) collect();
    const snapshot: Record<string, readonly number[]> = {};
    for (const family of this.#families.values()) {
      for (const [key, { values }] of family) snapshot[key] = [...values];
    }
    return snapshot;
  }

  #series(name: MetricName, values: readonly string[], create: () => Series): Series {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = new Map();
      this.#families.set(name, family);
    }
    const { labels, maxSeries = MAX_SERIES }: MetricDefinition = metrics[name];
    const key = seriesKey(name, labels, values);
    const known = family.get(key);
    if (known !== undefined) return known;
    if (family.size >= maxSeries && values.some((value) => value !== OTHER)) {
      return this.#series(
        name,
        values.map(() => OTHER),
        create,
      );
    }
    const series = create();
    family.set(key, series);
    return series;
  }
}

const OTHER = 'other';
