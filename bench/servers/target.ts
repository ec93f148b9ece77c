import type { Endpoint } from '../load/exchange.ts';
import type { Workload } from '../workloads/workload.ts';

/** Something that the bench measures: it answers the workloads' requests, or stands for the floor under those that do. */
export interface Target {
  /** As it stands in reports and on the command line. */
  readonly name: string;
  /** What the requests are read from in the end; Redis's own CPU time is counted for `redis`. */
  readonly reads: 'redis' | 'sqlite' | 'nothing';
  /**
   * Starts a fresh server, or finds one that runs already, and waits for its first answer.
   * @param workload what it will be asked; `requests` are its ring
   */
  start(workload: Workload, requests: readonly Uint8Array[]): Promise<RunningTarget>;
}

export interface RunningTarget {
  readonly endpoint: Endpoint;
  /** The bytes to send, one per request of the ring, where they are not the requests themselves. */
  readonly ring?: readonly Uint8Array[];
  /** The server's processes as they are now; none where there is no server or it is out of reach. */
  pids(): readonly number[];
  /** How answers are judged: by what they say, by their bytes being these, or not at all. */
  readonly answers: 'meaning' | { readonly bytes: Uint8Array } | 'unseen';
  /** From the start of the process to its first answer; absent for what the bench did not start. */
  readonly firstAnswerMs?: number;
  stop(): Promise<void>;
}
