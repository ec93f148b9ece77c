import { type MetricDefinition, type MetricName, metrics } from './metric-catalogue.ts';

/**
 * What was measured so far, in a form that travels between processes: by series, `name{label="value"}`. A counter or gauge is one
 * number; a histogram is the counts of its buckets, the last without a bound, and the sum.
 */
export type MetricsSnapshot = Readonly<Record<string, readonly number[]>>;

export function seriesKey(name: string, labels: readonly string[], values: readonly string[]): string {
  if (labels.length === 0) return name;
  return `${name}{${labels.map((label, index) => `${label}="${escaped(values[index] ?? '')}"`).join(',')}}`;
}

export function nameOfSeries(key: string): MetricName {
  const end = key.indexOf('{');
  return (end < 0 ? key : key.slice(0, end)) as MetricName;
}

/** What several processes have measured, as one. */
export function mergeSnapshots(a: MetricsSnapshot, b: MetricsSnapshot): MetricsSnapshot {
  const merged: Record<string, readonly number[]> = { ...a };
  for (const [key, values] of Object.entries(b)) {
    const before = merged[key];
    const merge = (metrics[nameOfSeries(key)] as MetricDefinition | undefined)?.merge ?? 'sum';
    merged[key] = before === undefined ? values : values.map((value, at) => combine[merge](value, before[at] ?? 0));
  }
  return merged;
}

const combine = { sum: (a: number, b: number) => a + b, max: Math.max, min: Math.min } as const;

/** What stays of a process that has ended: what it counted, not what it was like. */
export function withoutGauges(snapshot: MetricsSnapshot): MetricsSnapshot {
  return Object.fromEntries(Object.entries(snapshot).filter(([key]) => metrics[nameOfSeries(key)]?.type !== 'gauge'));
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
