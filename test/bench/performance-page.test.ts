import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchReport } from '../../bench/report/bench-report.ts';
import { chartsOf } from '../../bench/report/charts.ts';
import { fillPage } from '../../bench/report/markdown.ts';
import { projectRoot } from '../support/project-root.ts';

describe('docs/performance.md', () => {
  const read = (file: string): string => readFileSync(join(projectRoot, 'docs', file), 'utf8');
  const page = read('performance.md');
  const report: BenchReport = JSON.parse(read('performance/report.json'));

  it('says what the published report says: no figure is typed by hand', () => {
    assert.equal(fillPage(page, report), page);
  });

  it('shows the charts of that report, and no others', () => {
    const charts = chartsOf(report);
    const shown = [...page.matchAll(/\]\(performance\/(\w+\.svg)\)/g)].map(([, file]) => file ?? '');
    assert.deepEqual(shown.sort(), [...charts.keys()].sort());
    for (const [file, svg] of charts) assert.equal(read(`performance/${file}`), svg);
  });

  it('has every part of a report', () => {
    const parts = [...page.matchAll(/<!-- bench:(\w+) -->/g)].map(([, name]) => name);
    assert.deepEqual(parts, ['conditions', 'goals', 'cpu', 'latency', 'memory', 'growth', 'profile', 'loading']);
  });
});

describe('fillPage', () => {
  const report: BenchReport = JSON.parse(readFileSync(join(projectRoot, 'docs/performance/report.json'), 'utf8'));

  it('leaves everything outside of the marks alone, and fills twice as it fills once', () => {
    const page = 'before\n<!-- bench:goals -->\nold\n<!-- /bench:goals -->\nafter $& $1\n';
    const filled = fillPage(page, report);
    assert.match(filled, /^before\n<!-- bench:goals -->\n\n\|[\s\S]*<!-- \/bench:goals -->\nafter \$& \$1\n$/);
    assert.doesNotMatch(filled, /old/);
    assert.equal(fillPage(filled, report), filled);
  });

  it('refuses marks that it does not know and marks that are not closed', () => {
    assert.throws(() => fillPage('<!-- bench:speed --> <!-- /bench:speed -->', report), /speed/);
    assert.throws(() => fillPage('<!-- bench:goals --> <!-- bench:cpu --> <!-- /bench:cpu -->', report), /not closed/);
  });
});
