import { type MetricDefinition, type MetricName, metrics } from './metric-catalogue.ts';
import { type MetricsSnapshot, nameOfSeries } from './metric-snapshot.ts';

export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/**
 * Writes a snapshot in Prometheus' text format 0.0.4, or as OpenMetrics 1.0 for a client that asks for that.
 * @param accept the header of the request
 * @see https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md
 */
export function metricsText(snapshot: MetricsSnapshot, accept: string): MetricsText {
  const open = accept.includes('application/openmetrics-text');
  const families = new Map<MetricName, string[]>();
  for (const [key, values] of Object.entries(snapshot)) {
    const name = nameOfSeries(key);
    const lines = families.get(name) ?? [];
    families.set(name, lines);
    lines.push(...linesOf(metrics[name], name, key.slice(name.length), values));
  }
  const lines: string[] = [];
  for (const [name, { type, help }] of Object.entries(metrics)) {
    const samples = families.get(name as MetricName);
    if (samples === undefined) continue;
    // OpenMetrics names the family of a counter without its ending.
    const family = open && type === 'counter' ? name.replace(/_total$/, '') : name;
    lines.push(`# HELP ${family} ${help}`, `# TYPE ${family} ${type}`, ...samples);
  }
  if (open) lines.push('# EOF');
  return { contentType: open ? OPEN_METRICS : PROMETHEUS, text: `${lines.join('\n')}\n` };
}

/** @param labels in braces, or empty */
function linesOf(definition: MetricDefinition, name: string, labels: string, values: readonly number[]): string[] {
  if (definition.type !== 'histogram') return [`${name}${labels} ${numberText(values[0] ?? 0)}`];
  const { buckets = [] } = definition;
  const inner = labels === '' ? '' : `${labels.slice(1, -1)},`;
  const lines: string[] = [];
  let count = 0;
  for (let bucket = 0; bucket <= buckets.length; bucket++) {
    count += values[bucket] ?? 0;
    const bound = buckets[bucket];
    lines.push(`${name}_bucket{${inner}le="${bound === undefined ? '+Inf' : numberText(bound)}"} ${count}`);
  }
  lines.push(`${name}_sum${labels} ${numberText(values[buckets.length + 1] ?? 0)}`, `${name}_count${labels} ${count}`);
  return lines;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}
