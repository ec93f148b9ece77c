import type { FigureSheet } from '../harness/figures.ts';
import type { LoadResult, PhaseResult } from './load-spec.ts';

/** Statuses by which a call may fail while a store is at fault: each says so itself. */
const EXPLICIT = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED']);

/** How long after a fault every call is to be answered again. */
const RECOVERY_MS = 2_000;

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
      ...phases
        .flatMap((phase) => phase.failureTexts)
        .filter((text) => !explicit.has(text.split(':', 1)[0] ?? ''))
        .slice(0, 2),
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

/** A store that answers nothing in time: no call is OK, each fails by its deadline, and the calls behind the fault are answered. */
export function judgeOutage(
  sheet: FigureSheet,
  result: LoadResult,
  {
    phase: name,
    deadlineMs,
    clearedMs,
  }: { readonly phase: string; readonly deadlineMs: number; readonly clearedMs: number },
): void {
  const phase = phaseOf(result, name);
  sheet.none('calls that were OK meanwhile', phase.ok);
  const others = Object.keys(phase.codes).filter((code) => code !== 'DEADLINE_EXCEEDED' && code !== 'UNAVAILABLE');
  const endedAsAsked = failedOf(phase) > 0 && others.length === 0;
  sheet.holds('they ended with', endedAsAsked, 'DEADLINE_EXCEEDED or UNAVAILABLE', codesText(phase));
  sheet.atMost(
    'longest wait for a failure above the deadline',
    phase.failedLatency.max - deadlineMs,
    { long: 20, short: 250 },
    'ms',
  );
  sheet.atLeast(
    `OK from ${RECOVERY_MS / 1000} s after the fault was gone`,
    okPercent(result, clearedMs + RECOVERY_MS),
    { long: 99.9, short: 95 },
    '%',
  );
}

/** How many of the calls sent from one time up to another ended well, in percent; NaN where none were sent: that is no success. */
export function okPercent({ timeline }: LoadResult, fromMs: number, toMs = Number.POSITIVE_INFINITY): number {
  const slots = timeline.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  const ended = slots.reduce((sum, { ok, failed }) => sum + ok + failed, 0);
  return (100 * slots.reduce((sum, { ok }) => sum + ok, 0)) / ended;
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
