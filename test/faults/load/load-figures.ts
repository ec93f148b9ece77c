import type { FigureSheet } from '../harness/figures.ts';
import type { LoadResult, PhaseResult } from './load-spec.ts';

/** Statuses by which a call may fail while a store is at fault: each says so itself. */
const EXPLICIT = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED']);

/** What no fault may bring about, in any row: a wrong value, or a call that nobody answers. */
export function judgeInvariants(sheet: FigureSheet, { phases, abandoned }: LoadResult, explicit = EXPLICIT): void {
  const wrong = phases.reduce((sum, phase) => sum + wrongOf(phase), 0);
  const ok = phases.reduce((sum, phase) => sum + phase.ok, 0);
  sheet.none(
    `wrong, swapped or mixed answers of ${ok.toLocaleString('en-US')}`,
    wrong,
    phases.flatMap((phase) => phase.wrongDetails),
  );
  const other = phases.flatMap((phase) => Object.entries(phase.codes)).filter(([code]) => !explicit.has(code));
  sheet.none(
    'calls that ended without a status of their own',
    other.reduce((sum, [, count]) => sum + count, 0) + abandoned,
    [
      other.map(([code, count]) => `${count} ${code}`).join(', '),
      ...phases.flatMap((phase) => phase.failureTexts).slice(0, 2),
    ],
  );
}

export function wrongOf({ wrong }: PhaseResult): number {
  return Object.values(wrong).reduce((sum, count) => sum + count, 0);
}

export function failedOf({ codes }: PhaseResult): number {
  return Object.values(codes).reduce((sum, count) => sum + count, 0);
}

/** @throws Error for a name that the load has no phase of */
export function phaseOf({ phases }: LoadResult, name: string): PhaseResult {
  const phase = phases.find((each) => each.name === name);
  if (phase === undefined) throw new Error(`the load has no phase ${name}`);
  return phase;
}

/** How many of the calls sent from one time up to another ended well, in percent; 100 where none were sent. */
export function okPercent({ timeline }: LoadResult, fromMs: number, toMs = Number.POSITIVE_INFINITY): number {
  const slots = timeline.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  const ended = slots.reduce((sum, { ok, failed }) => sum + ok + failed, 0);
  return ended === 0 ? 100 : (100 * slots.reduce((sum, { ok }) => sum + ok, 0)) / ended;
}

/** Milliseconds from a time to the first answer of status OK behind it; `Infinity` where there was none. */
export function firstOkAfter({ timeline }: LoadResult, fromMs: number): number {
  const slot = timeline.find(({ atMs, answered }) => atMs >= fromMs && answered > 0);
  return slot === undefined ? Number.POSITIVE_INFINITY : slot.atMs - fromMs;
}

export function codesText({ codes }: PhaseResult): string {
  const texts = Object.entries(codes).map(([code, count]) => `${count} ${code}`);
  return texts.length === 0 ? 'none' : texts.join(', ');
}
