/**
 * Puts what runs have measured into the report that the documentation shows, in `docs/performance/`, draws its charts there and
 * fills in the figures of `docs/performance.md`. What none of the runs measured stays as it was.
 *
 *     npm run bench:publish -- [report.json | loading.json]...
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchReport } from './report/bench-report.ts';
import { chartsOf } from './report/charts.ts';
import { fillPage } from './report/markdown.ts';
import { mergeReports } from './report/merge-reports.ts';

const PAGE = 'docs/performance.md';
const FOLDER = 'docs/performance';

const named = process.argv.slice(2);
const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
let report: BenchReport = read(join(FOLDER, 'report.json'));
for (const file of named.length > 0 ? named : ['bench/results/report.json']) report = mergeReports(report, read(file));
mkdirSync(FOLDER, { recursive: true });
writeFileSync(join(FOLDER, 'report.json'), `${JSON.stringify(report, null, 1)}\n`);
for (const [name, svg] of chartsOf(report)) writeFileSync(join(FOLDER, name), svg);
writeFileSync(PAGE, fillPage(readFileSync(PAGE, 'utf8'), report));
