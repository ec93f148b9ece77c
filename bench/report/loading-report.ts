import type { Machine } from './bench-report.ts';

/** What loading and pushing cost. Measured in a run of its own, so it names its own conditions. */
export interface LoadingReport {
  readonly machine: Machine;
  readonly settings: LoadingSettings;
  readonly loads: readonly LoadRun[];
  readonly pushes: readonly PushCell[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

export interface LoadingSettings {
  readonly rounds: number;
  /** Rows of the file that Sideboard loads, and of its beginning that Feast loads. */
  readonly rows: number;
  readonly feastRows: number;
  /** Rows of the file that is loaded once, for the sake of memory; 0 where none was. */
  readonly largeRows: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
}

/** One `materialize` into an empty store, as a process of its own. */
export interface LoadRun {
  readonly round: number;
  readonly program: 'sideboard' | 'feast';
  readonly store: 'redis' | 'sqlite';
  /** Rows of the source, and entities that the store had afterwards. */
  readonly rows: number;
  readonly entities: number;
  /** From the start of the process to its end. */
  readonly seconds: number;
  /** Of these, what the same command takes for an interval without rows; 0 where it counts as part of the load. */
  readonly startSeconds: number;
  /** CPU time of the process, in seconds, and what of it is the start. */
  readonly cpuSeconds: number;
  readonly startCpuSeconds: number;
  /** Peak of resident memory in MB. */
  readonly peakMb: number;
}

/** One measured window of calls to one server that reads and writes Redis. */
export interface PushCell {
  readonly round: number;
  readonly server: 'sideboard' | 'feast';
  readonly call: PushCall;
  readonly concurrency: number;
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Failed calls, and rows that were not there afterwards. */
  readonly errors: number;
}

/** A read of one entity, or a push of one row with typed values or as text. */
export type PushCall = 'read' | 'typed' | 'text';
