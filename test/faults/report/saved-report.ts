import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeMachine } from '../../../bench/run/machine.ts';
import { projectRoot } from '../../support/project-root.ts';
import type { FinishedRow } from '../harness/run-row.ts';
import { reliabilityPage } from './reliability-page.ts';

/** Where, when and on which state of the project something was run. */
export interface Circumstances {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly commit: string;
  readonly date: string;
}

export interface SavedRow extends FinishedRow {
  readonly title: string;
  readonly injected: string;
  readonly circumstances: Circumstances;
}

export interface SavedMutation {
  readonly row: string;
  readonly name: string;
  readonly file: string;
  /** Whether the row failed, as it has to. */
  readonly noticed: boolean;
  /** The figure by which it failed, or why it did not. */
  readonly by: string;
  readonly circumstances: Circumstances;
}

/** What the last long runs found, row by row; the page is made from it. */
export interface SavedReport {
  readonly rows: readonly SavedRow[];
  readonly mutations: readonly SavedMutation[];
}

export const REPORT_FILE = join(projectRoot, 'docs', 'reliability', 'report.json');
export const PAGE_FILE = join(projectRoot, 'docs', 'reliability.md');

export function circumstancesOfNow(): Circumstances {
  const { cpu, cores, memoryGb, system, node, commit, date } = describeMachine('');
  return { cpu, cores, memoryGb, system, node, commit, date };
}

export function readReport(): SavedReport {
  if (!existsSync(REPORT_FILE)) return { rows: [], mutations: [] };
  return JSON.parse(readFileSync(REPORT_FILE, 'utf8')) as SavedReport;
}

/** Puts the results in place of those of the same rows and mutations, and writes the page anew. */
export function saveResults(results: Partial<SavedReport>): void {
  const before = readReport();
  const rows = replaced(before.rows, results.rows ?? [], ({ id }) => id).sort(
    (a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)),
  );
  const mutations = replaced(before.mutations, results.mutations ?? [], ({ row, name }) => `${row} ${name}`).sort(
    (a, b) => Number(a.row.slice(1)) - Number(b.row.slice(1)),
  );
  mkdirSync(dirname(REPORT_FILE), { recursive: true });
  writeFileSync(REPORT_FILE, `${JSON.stringify({ rows, mutations }, null, 2)}\n`);
  writeFileSync(PAGE_FILE, reliabilityPage({ rows, mutations }));
}

function replaced<T>(before: readonly T[], now: readonly T[], keyOf: (each: T) => string): T[] {
  const keys = new Set(now.map(keyOf));
  return [...before.filter((each) => !keys.has(keyOf(each))), ...now];
}
