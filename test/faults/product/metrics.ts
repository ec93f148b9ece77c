import { type MetricName, metrics } from '../../../src/operations/metrics/metric-catalogue.ts';

/** What `/metrics` said at a moment. */
export interface Metrics {
  /**
   * The value of one series. A counter that has counted nothing is not there yet: that is 0.
   * @param labels those that it has to have, others may stand beside them
   * @throws Error for a gauge that is not there: taken for 0, it would be within any bound
   */
  value(name: MetricName, labels?: Readonly<Record<string, string>>): number;
  /** The sum of all series of a counter that have these labels. */
  sum(name: MetricName, labels?: Readonly<Record<string, string>>): number;
}

interface Series {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export async function fetchMetrics(admin: string): Promise<Metrics> {
  const response = await fetch(`http://${admin}/metrics`);
  return metricsFromText(await response.text());
}

export function metricsFromText(text: string): Metrics {
  const all = text
    .split('\n')
    .map(seriesFromLine)
    .filter((series) => series !== undefined);
  const matching = (name: MetricName, labels: Readonly<Record<string, string>> = {}): Series[] =>
    all.filter(
      (series) =>
        series.name === name && Object.entries(labels).every(([label, value]) => series.labels.get(label) === value),
    );
  return {
    value(name, labels) {
      const [series] = matching(name, labels);
      if (series === undefined && metrics[name].type === 'gauge')
        throw new Error(`/metrics does not have ${name} ${JSON.stringify(labels ?? {})}`);
      return series?.value ?? 0;
    },
    sum: (name, labels) => matching(name, labels).reduce((sum, { value }) => sum + value, 0),
  };
}

function seriesFromLine(line: string): Series | undefined {
  const [, name, labels = '', value] = /^([a-zA-Z_:]\w*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
  if (name === undefined) return undefined;
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  return {
    name,
    labels: new Map(pairs.map(([, label = '', text = '']) => [label, text])),
    value: Number(value),
  };
}
