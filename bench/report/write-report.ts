import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchReport } from './bench-report.ts';
import { chartsOf } from './charts.ts';
import { markdownFromReport } from './markdown.ts';

/** Writes `report.json`, `report.md` and the charts into a folder. */
export function writeReport(folder: string, report: BenchReport): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(join(folder, 'report.md'), markdownFromReport(report));
  for (const [file, svg] of chartsOf(report)) writeFileSync(join(folder, file), svg);
}
