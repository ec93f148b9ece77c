import type { LoadingReport } from './loading-report.ts';

/** What a run of the bench found, as it stands in `report.json`. Times are of the machine that `machine` describes. */
export interface BenchReport {
  readonly machine: Machine;
  readonly settings: RunSettings;
  readonly cells: readonly Cell[];
  readonly starts: readonly Start[];
  /** Requests sent by the clock; empty where it was not measured. */
  readonly paced: readonly PacedCell[];
  /** How CPU time grows with the size of a request; empty where it was not measured. */
  readonly growth: readonly GrowthCell[];
  /** Where CPU time goes; empty where no profile was taken. */
  readonly profiles: readonly WorkloadProfile[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
  /** Loading and pushing, from a run of their own; absent where there was none. */
  readonly loading?: LoadingReport;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly redis: string;
  /** Short commit; with a plus sign where the tree had changes. */
  readonly commit: string;
  /** UTC, `YYYY-MM-DD`. */
  readonly date: string;
}

export interface RunSettings {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly entities: number;
  readonly connections: number;
  /** How requests name features. */
  readonly askBy: 'features' | 'service';
  readonly serveArgs: readonly string[];
}

/** One measured window: a target under a workload at a concurrency, in one round. */
export interface Cell {
  readonly round: number;
  readonly target: string;
  readonly workload: string;
  readonly concurrency: number;
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Failed calls, and answers that said something wrong. */
  readonly errors: number;
  readonly checked: number;
  /** Microseconds of CPU per request; `null` where nothing could be measured. */
  readonly serverCpuUs: number | null;
  readonly redisCpuUs: number | null;
  readonly driverCpuUs: number;
  /** Highest resident memory in MB while the cell ran. */
  readonly peakMb: number | null;
}

export interface Start {
  readonly round: number;
  readonly target: string;
  readonly workload: string;
  readonly firstAnswerMs: number;
  /** Resident memory in MB after the first answer, at rest. */
  readonly idleMb: number;
}

export interface PacedCell {
  readonly round: number;
  readonly target: string;
  readonly workload: string;
  readonly perSecond: number;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

export interface GrowthCell {
  readonly round: number;
  readonly target: string;
  readonly entities: number;
  readonly features: number;
  readonly requests: number;
  readonly errors: number;
  readonly cpuUsPerRequest: number;
}

export interface WorkloadProfile {
  readonly target: string;
  readonly workload: string;
  readonly requests: number;
  /** Shares of the sampled time, largest first; they add up to 1. */
  readonly groups: readonly { readonly group: string; readonly share: number }[];
  readonly functions: readonly { readonly name: string; readonly group: string; readonly share: number }[];
}
