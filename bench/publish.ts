/**
 * Makes a report the one that the documentation shows: copies it to `docs/performance/`, draws its charts there and fills in
 * the figures of `docs/performance.md`.
 *
 *     npm run bench:publish -- [report.json]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchReport } from './report/bench-report.ts';
import { chartsOf } from './report/charts.ts';
import { fillPage } from './report/markdown.ts';

const PAGE = 'docs/performance.md';
const FOLDER = 'docs/performance';

const [file = 'bench/results/report.json'] = process.argv.slice(2);
const report: BenchReport = JSON.parse(readFileSync(file, 'utf8'));
mkdirSync(FOLDER, { recursive: true });
writeFileSync(join(FOLDER, 'report.json'), `${JSON.stringify(report, null, 1)}\n`);
for (const [name, svg] of chartsOf(report)) writeFileSync(join(FOLDER, name), svg);
writeFileSync(PAGE, fillPage(readFileSync(PAGE, 'utf8'), report));
