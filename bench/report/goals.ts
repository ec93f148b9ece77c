import type { BenchReport } from './bench-report.ts';
import { figuresOf } from './figures.ts';
import { loadingGoals } from './loading-goals.ts';
import { differenceByRound, ratioByRound, type Spread, spreadOf } from './statistics.ts';

/** A limit that was set before the work began, and what was reached. */
export interface Goal {
  readonly what: string;
  /** S, B, M or L; empty where it is not about one workload. */
  readonly workload: string;
  readonly kind: 'at least' | 'at most';
  readonly asked: number;
  /** `undefined` where the run did not measure it. */
  readonly reached: Spread | undefined;
  readonly unit: '×' | 'MB' | 'ms' | 's';
}

type ByWorkload = Readonly<Record<string, number>>;

const CPU_CONCURRENCY = 16;
const MEMORY_CONCURRENCY = 64;
const lessThanFeast: ByWorkload = { S: 20, B: 18, M: 45, L: 70 };
const ofRedis: ByWorkload = { S: 3.2, B: 2, M: 0.9, L: 0.5 };
const ofEcho: ByWorkload = { S: 1.4, B: 1.5 };
const peakMb: ByWorkload = { S: 120, B: 120, M: 130, L: 220 };

export function goalsOf(report: BenchReport): readonly Goal[] {
  const cpu = (target: string, workload: string, figure: 'serverCpuUs' | 'redisCpuUs' = 'serverCpuUs') =>
    figuresOf(report, { target, workload, concurrency: CPU_CONCURRENCY }, figure);
  return [
    ...each(lessThanFeast, (workload, asked) => ({
      what: "CPU of Feast's Python gRPC server, as a multiple of Sideboard's",
      workload,
      kind: 'at least',
      asked,
      reached: ratioByRound(cpu('feast-python', workload), cpu('sideboard', workload)),
      unit: '×',
    })),
    ...each(ofRedis, (workload, asked) => ({
      what: "CPU of Sideboard, as a multiple of Redis's own for the same reads",
      workload,
      kind: 'at most',
      asked,
      reached: ratioByRound(cpu('sideboard', workload), cpu('redis-direct', workload, 'redisCpuUs')),
      unit: '×',
    })),
    ...each(ofEcho, (workload, asked) => ({
      what: 'CPU of Sideboard, as a multiple of a grpc-js echo of the same answer',
      workload,
      kind: 'at most',
      asked,
      reached: ratioByRound(cpu('sideboard', workload), cpu('grpcjs-echo', workload)),
      unit: '×',
    })),
    ...each(peakMb, (workload, asked) => ({
      what: `Peak resident memory at concurrency ${MEMORY_CONCURRENCY}`,
      workload,
      kind: 'at most',
      asked,
      reached: spreadOf(
        figuresOf(report, { target: 'sideboard', workload, concurrency: MEMORY_CONCURRENCY }, 'peakMb').map(
          ({ value }) => value,
        ),
      ),
      unit: 'MB',
    })),
    {
      what: `p90 added to a direct Redis read at ${report.paced[0]?.perSecond ?? 1000} requests/s`,
      workload: 'S',
      kind: 'at most',
      asked: 1,
      reached: differenceByRound(pacedP90(report, 'sideboard'), pacedP90(report, 'redis-direct')),
      unit: 'ms',
    },
    {
      what: 'Start of the process to first answer',
      workload: '',
      kind: 'at most',
      asked: 0.6,
      reached: spreadOf(startsOf(report).map(({ firstAnswerMs }) => firstAnswerMs / 1000)),
      unit: 's',
    },
    {
      what: 'Resident memory at rest',
      workload: '',
      kind: 'at most',
      asked: 80,
      reached: spreadOf(startsOf(report).map(({ idleMb }) => idleMb)),
      unit: 'MB',
    },
    ...(report.loading === undefined ? [] : loadingGoals(report.loading)),
  ];
}

/** By the median; `undefined` where it was not measured. */
export function isReached({ kind, asked, reached }: Goal): boolean | undefined {
  if (reached === undefined) return undefined;
  return kind === 'at least' ? reached.median >= asked : reached.median <= asked;
}

function each(asked: ByWorkload, goal: (workload: string, asked: number) => Goal): readonly Goal[] {
  return Object.entries(asked).map(([workload, value]) => goal(workload, value));
}

/** The first request of a larger workload takes longer by itself: what is compared is the smallest. */
function startsOf({ starts }: BenchReport) {
  const own = starts.filter(({ target }) => target === 'sideboard');
  return own.filter(({ workload }) => workload === own[0]?.workload);
}

function pacedP90({ paced }: BenchReport, name: string) {
  return paced.filter(({ target }) => target === name).map(({ round, p90Ms }) => ({ round, value: p90Ms }));
}
