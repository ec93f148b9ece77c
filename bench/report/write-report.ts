import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchReport } from './bench-report.ts';
import { chartsOf } from './charts.ts';
import type { LoadingReport } from './loading-report.ts';
import { markdownFromLoading, markdownFromReport } from './markdown.ts';
import type { LoadingPart } from './merge-reports.ts';

/** Writes `report.json`, `report.md` and the charts into a folder. */
export function writeReport(folder: string, report: BenchReport): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(join(folder, 'report.md'), markdownFromReport(report));
  for (const [file, svg] of chartsOf(report)) writeFileSync(join(folder, file), svg);
}

/** Writes `loading.json` and `loading.md` into a folder. */
export function writeLoading(folder: string, report: LoadingReport): void {
  const part: LoadingPart = { loading: report };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'loading.json'), `${JSON.stringify(part, null, 1)}\n`);
  writeFileSync(join(folder, 'loading.md'), markdownFromLoading(report));
}
