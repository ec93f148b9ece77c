import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Fields of `/proc/<pid>/stat` behind the command's name, counted from 0. */
const PARENT = 1;
const USER = 11;
/** User and system time of the process, then of its children that ended. */
const TIMES = 4;
/** Clock ticks per second in /proc: 100 on every Linux of today, whatever the kernel's own rate. */
const TICKS_PER_SECOND = 100;

/** CPU time in milliseconds that these processes have spent so far, ended children included. Ended processes count as 0. */
export function cpuMsOf(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = statOf(pid) ?? [];
    for (const field of fields.slice(USER, USER + TIMES)) ticks += Number(field);
  }
  return (ticks * 1000) / TICKS_PER_SECOND;
}

/** A process and everything that descends from it. Empty where the process has ended. */
export function processTree(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    const parent = Number.isInteger(pid) ? Number(statOf(pid)?.[PARENT]) : Number.NaN;
    if (!Number.isNaN(parent)) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = statOf(root) === undefined ? [] : [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Resident memory of these processes in MB (2^20 bytes), shared pages counted in each. */
export function residentMb(pids: readonly number[]): number {
  return sumOfStatus(pids, 'VmRSS');
}

/** The highest {@link residentMb} since {@link resetPeak}, or since the processes started where it cannot be reset. */
export function peakResidentMb(pids: readonly number[]): number {
  return sumOfStatus(pids, 'VmHWM');
}

/** @returns false where the system does not allow it */
export function resetPeak(pids: readonly number[]): boolean {
  try {
    for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return true;
  } catch {
    return false;
  }
}

function statOf(pid: number): readonly string[] | undefined {
  const text = readProc(`${pid}/stat`);
  // The command's name stands in parentheses and may hold spaces and parentheses itself.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function sumOfStatus(pids: readonly number[], name: string): number {
  let kilobytes = 0;
  for (const pid of pids) {
    kilobytes += Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(readProc(`${pid}/status`) ?? '')?.[1] ?? 0);
  }
  return kilobytes / 1024;
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(`/proc/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
