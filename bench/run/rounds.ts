import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadDriver } from '../load/driver.ts';
import { peakResidentMb, resetPeak, residentMb } from '../measure/process-cpu.ts';
import type { Cell, PacedCell, Start } from '../report/bench-report.ts';
import type { RunningTarget, Target } from '../servers/target.ts';
import type { Workload } from '../workloads/workload.ts';
import type { BenchOptions } from './bench-options.ts';
import type { BenchProject } from './bench-project.ts';
import { measure, type ReadyTarget, readyTarget, ringOf } from './measure-cell.ts';

/** Where the measurements of a run are collected. */
export interface Collected {
  readonly cells: Cell[];
  readonly starts: Start[];
  readonly paced: PacedCell[];
  readonly notes: string[];
}

export interface RoundContext {
  readonly options: BenchOptions;
  readonly project: BenchProject;
  readonly driver: LoadDriver;
  readonly targets: readonly Target[];
  readonly collected: Collected;
  readonly say: (text: string) => void;
}

interface Named {
  readonly target: Target;
  readonly ready: ReadyTarget;
}

/** The paced measurement is of the smallest workload: what the way through a server adds shows there. */
const PACED_WORKLOAD = 'S';
const PACED_TARGETS = new Set(['sideboard', 'redis-direct']);
/** A process that was just started still has things to finish before its memory is called idle. */
const IDLE_MS = 1000;

/**
 * One round of a workload. Every target gets a fresh server; at each concurrency they are measured in turn, so that what
 * the machine does besides hits them alike.
 */
export async function runRound(context: RoundContext, round: number, workload: Workload): Promise<void> {
  const { options, project, driver, collected, say } = context;
  const started = await startTargets(context, round, workload);
  try {
    for (const concurrency of options.concurrency) {
      for (const { target, ready } of started) {
        const pids = ready.running.pids();
        resetPeak(pids);
        const { result, errors, redisCpuMs } = await measure(driver, project.redis, ready, {
          pace: { kind: 'closed', concurrency },
          ...timing(options),
        });
        const perRequest = (ms: number) => (ms * 1000) / Math.max(1, result.requests);
        const cell: Cell = {
          round,
          target: target.name,
          workload: workload.name,
          concurrency,
          requests: result.requests,
          perSecond: result.requests / (result.windowMs / 1000),
          p50Ms: result.p50Ms,
          p95Ms: result.p95Ms,
          p99Ms: result.p99Ms,
          errors,
          checked: result.checked,
          serverCpuUs: pids.length === 0 ? null : perRequest(result.serverCpuMs),
          redisCpuUs: target.reads === 'redis' ? perRequest(redisCpuMs) : null,
          driverCpuUs: perRequest(result.driverCpuMs),
          peakMb: pids.length === 0 ? null : peakResidentMb(pids),
        };
        collected.cells.push(cell);
        say(cellLine(cell));
        for (const [failure, times] of result.failures) say(`  ${times} x ${failure}`);
      }
    }
    if (workload.name === PACED_WORKLOAD && options.rate > 0) await runPaced(context, round, started);
  } finally {
    for (const { ready } of started) await ready.running.stop();
  }
}

export function timing({ connections, warmupSeconds, seconds }: BenchOptions) {
  return { connections, warmupMs: warmupSeconds * 1000, measureMs: seconds * 1000 };
}

async function startTargets(context: RoundContext, round: number, workload: Workload): Promise<readonly Named[]> {
  const { targets, options, collected } = context;
  const requests = ringOf(workload, options);
  const bytes = requests.map((request) => request.bytes);
  const started: Named[] = [];
  const runnings: { target: Target; running: RunningTarget }[] = [];
  try {
    for (const target of targets) runnings.push({ target, running: await target.start(workload, bytes) });
    await sleep(Math.min(IDLE_MS, options.seconds * 1000));
    for (const { target, running } of runnings) {
      const { firstAnswerMs } = running;
      if (firstAnswerMs === undefined) continue;
      const idleMb = residentMb(running.pids());
      collected.starts.push({ round, target: target.name, workload: workload.name, firstAnswerMs, idleMb });
    }
    for (const { target, running } of runnings) {
      started.push({ target, ready: await readyTarget(target.name, running, workload, requests) });
    }
    return started;
  } catch (error) {
    for (const { running } of runnings) await running.stop();
    throw error;
  }
}

async function runPaced(context: RoundContext, round: number, started: readonly Named[]): Promise<void> {
  const { options, project, driver, collected } = context;
  for (const { target, ready } of started) {
    if (!PACED_TARGETS.has(target.name)) continue;
    const pace = { kind: 'open', perSecond: options.rate } as const;
    const { result, errors } = await measure(driver, project.redis, ready, { pace, ...timing(options) });
    collected.paced.push({
      round,
      target: target.name,
      workload: ready.workload.name,
      perSecond: options.rate,
      requests: result.requests,
      p50Ms: result.p50Ms,
      p90Ms: result.p90Ms,
      p99Ms: result.p99Ms,
      errors,
    });
  }
}

function cellLine(cell: Cell): string {
  const cpu = cell.serverCpuUs === null ? '' : `, ${Math.round(cell.serverCpuUs)} us CPU`;
  const redis = cell.redisCpuUs === null ? '' : `, Redis ${Math.round(cell.redisCpuUs)} us`;
  const peak = cell.peakMb === null ? '' : `, ${Math.round(cell.peakMb)} MB`;
  const errors = cell.errors === 0 ? '' : `, ${cell.errors} ERRORS`;
  const what = `${cell.round} ${cell.workload} c=${cell.concurrency} ${cell.target}`.padEnd(30);
  if (cell.requests === 0) return `${what} nothing was answered within the window${errors}`;
  return `${what} ${Math.round(cell.perSecond)}/s, p50 ${cell.p50Ms.toFixed(2)} ms, p99 ${cell.p99Ms.toFixed(2)} ms${cpu}${redis}${peak}${errors}`;
}
