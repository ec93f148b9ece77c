import type { ReadinessReport } from './readiness.ts';
import type { ServerCounters } from './server-counters.ts';

/** What the supervising process tells a worker, over the channel between them. */
export type WorkerOrder =
  /** Serve this connection: a socket comes along, unless its client has left already. */
  | { readonly order: 'connection' }
  /** Say what was counted. */
  | { readonly order: 'count' }
  /** Say that it is there. */
  | { readonly order: 'answer' }
  /** Tell clients to go elsewhere, and go on serving until it is told to stop. */
  | { readonly order: 'retreat' }
  /** Let calls under way finish, and end. */
  | { readonly order: 'stop'; readonly signal: 'SIGTERM' | 'SIGINT' };

/** What a worker tells the supervising process. */
export type WorkerReport =
  /** It serves: connections may come. `summary` says what, for the line that the program prints. */
  | { readonly report: 'ready'; readonly summary: string }
  /** It has the connection that was sent last. */
  | { readonly report: 'taken' }
  /** It is there. */
  | { readonly report: 'here' }
  /** Whether calls should come to it, and why not. */
  | { readonly report: 'readiness'; readonly readiness: ReadinessReport }
  /** It stops: connections that it has not taken belong to others. */
  | { readonly report: 'leaving' }
  | { readonly report: 'counted'; readonly counters: ServerCounters };
