import type { VersionBounds, Wrong } from '../data/check-answer.ts';
import type { MarkedRequest } from '../data/marked-requests.ts';

/** What a load is to do. Travels to its process by structured clone. */
export interface LoadSpec {
  /** `host:port` or `unix:/path` */
  readonly address: string;
  /** Sent one after the other and from the start again. */
  readonly ring: readonly MarkedRequest[];
  readonly pace: LoadPace;
  readonly connections: number;
  /** Sent as `grpc-timeout`. */
  readonly deadlineMs: number;
  /** How long a call is waited for before it counts as `NO_ANSWER`; 2 s above the deadline by default. */
  readonly giveUpMs?: number;
  /** Versions that may be stored; version 1 by default. */
  readonly versions?: VersionBounds;
  /** Asks for each request of the ring once, few at a time, before the load begins: the first look at an answer takes time. */
  readonly warmUp?: boolean;
  /** Further headers of every call. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export type LoadPace =
  /** By the clock, answered or not. */
  | { readonly kind: 'open'; readonly perSecond: number }
  /** So many at all times. */
  | { readonly kind: 'closed'; readonly concurrency: number };

export interface LatencyFigures {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Calls that were sent in one phase of a load. Times are in milliseconds. */
export interface PhaseResult {
  readonly name: string;
  /** From when on and how long calls were sent; by the monotonic clock that all processes share ({@link monotonicMs}). */
  readonly beganMs: number;
  readonly lengthMs: number;
  readonly sent: number;
  /** Answered OK, wrong answers included. */
  readonly ok: number;
  /**
   * Calls that failed, by status: gRPC's names, and `NO_ANSWER` (given up), `CONNECTION_LOST` (it broke under the call),
   * `NOT_CONNECTED` (there was none, nothing was sent), `NOT_BEGUN` (the server said that it has not looked at it), `BROKEN_ANSWER` (OK with a message of another length).
   */
  readonly codes: Readonly<Record<string, number>>;
  /** The same by the `sideboard-code` trailer, where there was one. */
  readonly sideboardCodes: Readonly<Record<string, number>>;
  /** Answers of status OK that are wrong. */
  readonly wrong: Readonly<Partial<Record<Wrong, number>>>;
  /** A few of them in words. */
  readonly wrongDetails: readonly string[];
  /** A few texts of failures. */
  readonly failureTexts: readonly string[];
  readonly okLatency: LatencyFigures;
  readonly failedLatency: LatencyFigures;
}

/** What happened to calls that were sent within one slot of time. */
export interface LoadSlot {
  readonly atMs: number;
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  /** Longest call, whether it failed or not. */
  readonly slowestMs: number;
  /** Calls that were answered OK within this slot, whenever they were sent. */
  readonly answered: number;
}

export const SLOT_MS = 20;

export interface LoadResult {
  readonly phases: readonly PhaseResult[];
  /** In order of time; slots in which nothing happened are left out. */
  readonly timeline: readonly LoadSlot[];
  /** How late the generator itself was at most in sending by its clock. */
  readonly latestMs: number;
  /** Calls still under way when the load was stopped, and given up then. */
  readonly abandoned: number;
}

/** How many calls have ended so far, in all phases. */
export interface LoadCounts {
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  readonly wrong: number;
  /** OK in a row up to now. */
  readonly okInARow: number;
  /** Calls of earlier phases that are still under way. */
  readonly earlier: number;
}

/** Milliseconds of the system's monotonic clock, the same in all processes of a machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
