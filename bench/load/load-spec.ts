import type { Endpoint } from './exchange.ts';

/** One measurement, as the driver's process is told. Travels between processes by structured clone. */
export interface LoadSpec {
  readonly endpoint: Endpoint;
  /** Serialized requests, sent one after the other and from the start again. */
  readonly ring: readonly Uint8Array[];
  readonly pace: Pace;
  /** How many connections the requests are spread over. */
  readonly connections: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Processes whose CPU time counts as the server's; none where it is not known. */
  readonly pids: readonly number[];
  /** Index in the ring to CRC-32 of the right answer: what is compared whenever that request was sent. */
  readonly checksums: ReadonlyMap<number, number>;
}

export type Pace =
  /** So many requests under way at all times: the next is sent when one is answered. */
  | { readonly kind: 'closed'; readonly concurrency: number }
  /** Requests sent by the clock, answered or not. */
  | { readonly kind: 'open'; readonly perSecond: number };

export interface LoadResult {
  /** Requests answered in the measured window, failed ones left out. */
  readonly requests: number;
  readonly windowMs: number;
  readonly errors: number;
  /** What went wrong how often; at most a few different texts. */
  readonly failures: ReadonlyMap<string, number>;
  /** Answers compared with their checksum. */
  readonly checked: number;
  /** Answers with another checksum, by index in the ring: a server may put the same answer in other bytes. */
  readonly differing: ReadonlyMap<number, Uint8Array>;
  readonly differingCount: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU time of the spec's processes over the window. */
  readonly serverCpuMs: number;
  /** CPU time of the driver's own process over the window. */
  readonly driverCpuMs: number;
  /** Begin and end of the window by the system's monotonic clock, in microseconds: the clock of V8's CPU profiles. */
  readonly beganUs: number;
  readonly endedUs: number;
}
