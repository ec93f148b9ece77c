import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type MetricDefinition, metrics } from '../../src/operations/metrics/metric-catalogue.ts';
import { projectRoot } from '../support/project-root.ts';

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

interface Alerts {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string };
}

const known: Readonly<Record<string, MetricDefinition>> = metrics;
const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
/** What Prometheus itself adds, or the query makes. */
const FOREIGN = new Set(['job', 'instance', 'le']);

/** What is wrong with a query: metrics that do not exist, or labels that they do not have. */
function faultsOf(query: string): readonly string[] {
  const faults: string[] = [];
  const used: MetricDefinition[] = [];
  for (const [, name = '', , selector = ''] of query.matchAll(/\b((?:sideboard|process)_\w+)(\{([^}]*)\})?/g)) {
    const base = name.replace(/_(?:bucket|sum|count)$/, '');
    const definition = known[name] ?? (known[base]?.type === 'histogram' ? known[base] : undefined);
    if (definition === undefined || known[name]?.type === 'histogram') {
      faults.push(`no series ${name}`);
      continue;
    }
    used.push(definition);
    for (const [, label = ''] of selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)) {
      if (!FOREIGN.has(label) && !definition.labels.includes(label)) faults.push(`${name} has no label ${label}`);
    }
    const counts = definition.type === 'counter' || name !== base;
    if (counts && !new RegExp(`(?:rate|increase)\\(${name}\\b`).test(query)) faults.push(`${name} is not in a rate`);
  }
  for (const [, labels = ''] of query.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of labels.split(/,\s*/)) {
      if (!FOREIGN.has(label) && !used.some((each) => each.labels.includes(label))) faults.push(`by (${label})`);
    }
  }
  if (used.length === 0) faults.push('no metric of ours');
  return faults;
}

describe('docs/reference/metrics.md', () => {
  it('lists every metric with type, labels, unit and meaning, and no other', () => {
    const rows = [...read('docs/reference/metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \| (.+) \| (.+) \| (.+) \|$/gm)];
    assert.deepEqual(
      rows.map(([, name, type, labels, unit, help]) => ({ name, type, labels, unit, help })),
      Object.entries(known).map(([name, { type, labels, unit, help }]) => {
        return { name, type, labels: labels.map((label) => `\`${label}\``).join(', ') || '–', unit, help };
      }),
    );
  });

  it('gives the buckets', () => {
    const page = read('docs/reference/metrics.md').replaceAll('\n', ' ');
    for (const { buckets } of Object.values(known)) {
      if (buckets === undefined) continue;
      const text = `${buckets.slice(0, -1).join(', ')} and ${buckets.at(-1)}`;
      assert.ok(page.includes(text), text);
    }
  });
});

describe('the catalogue of metrics', () => {
  for (const [name, { type, help, buckets, merge, unit }] of Object.entries(known)) {
    it(`has ${name} in the form that Prometheus asks for`, () => {
      assert.match(name, /^(?:sideboard|process)_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter');
      assert.equal(buckets !== undefined, type === 'histogram');
      assert.equal(merge !== undefined, type === 'gauge');
      if (unit === 'seconds' || unit === 'bytes') assert.match(name, new RegExp(`_${unit}(?:_total)?$`));
      assert.match(help, /^[A-Z0-9].*\.$/);
    });
  }
});

describe('docker/grafana/dashboard.json', () => {
  const { panels } = JSON.parse(read('docker/grafana/dashboard.json')) as Dashboard;

  it('asks for series and labels that exist, in every panel', () => {
    assert.ok(panels.length >= 10);
    for (const { title, targets } of panels) {
      for (const { expr } of targets) assert.deepEqual(faultsOf(expr), [], `${title}: ${expr}`);
    }
  });
});

describe('docker/prometheus/alerts.yaml', () => {
  const rules = (parse(read('docker/prometheus/alerts.yaml')) as Alerts).groups.flatMap((group) => group.rules);

  it('asks for series and labels that exist, in every rule', () => {
    assert.ok(rules.length >= 8);
    for (const { alert, expr, annotations } of rules) {
      assert.deepEqual(faultsOf(expr), [], alert);
      assert.match(annotations.summary, /\{\{ \$labels\.\w+ \}\}/);
    }
  });
});

describe('the check of queries', () => {
  it('finds what does not exist', () => {
    assert.deepEqual(faultsOf('sum(rate(sideboard_request_total[5m]))'), [
      'no series sideboard_request_total',
      'no metric of ours',
    ]);
    assert.deepEqual(faultsOf('sum by (view) (rate(sideboard_requests_total{kode="OK"}[5m]))'), [
      'sideboard_requests_total has no label kode',
      'by (view)',
    ]);
    assert.deepEqual(faultsOf('sideboard_requests_total > 3'), ['sideboard_requests_total is not in a rate']);
    assert.deepEqual(faultsOf('sideboard_feature_age_seconds'), [
      'no series sideboard_feature_age_seconds',
      'no metric of ours',
    ]);
  });
});
