import type { BenchReport, Cell } from './bench-report.ts';
import { type RoundFigure, type Spread, spreadOf } from './statistics.ts';

export type CellFigure =
  | 'perSecond'
  | 'p50Ms'
  | 'p95Ms'
  | 'p99Ms'
  | 'serverCpuUs'
  | 'redisCpuUs'
  | 'driverCpuUs'
  | 'peakMb';

export interface CellPlace {
  readonly target: string;
  readonly workload: string;
  readonly concurrency: number;
}

/** The values of one figure in all rounds. Cells with nothing answered, and figures that were not measured, are left out. */
export function figuresOf(report: BenchReport, place: CellPlace, figure: CellFigure): readonly RoundFigure[] {
  return report.cells
    .filter((cell) => isAt(cell, place) && cell.requests > 0)
    .flatMap((cell) => {
      const value = cell[figure];
      return value === null ? [] : [{ round: cell.round, value }];
    });
}

export function spreadAt(report: BenchReport, place: CellPlace, figure: CellFigure): Spread | undefined {
  return spreadOf(figuresOf(report, place, figure).map(({ value }) => value));
}

export function targetsOf(report: BenchReport): readonly string[] {
  return [...new Set(report.cells.map(({ target }) => target))];
}

export function workloadsOf(report: BenchReport): readonly string[] {
  return [...new Set(report.cells.map(({ workload }) => workload))];
}

export function concurrenciesOf(report: BenchReport): readonly number[] {
  return [...new Set(report.cells.map(({ concurrency }) => concurrency))].sort((a, b) => a - b);
}

/** Failed calls and wrong answers of the whole run. */
export function errorsOf(report: BenchReport): number {
  const all = [...report.cells, ...report.paced, ...report.growth];
  return all.reduce((sum, { errors }) => sum + errors, 0);
}

function isAt(cell: Cell, { target, workload, concurrency }: CellPlace): boolean {
  return cell.target === target && cell.workload === workload && cell.concurrency === concurrency;
}
