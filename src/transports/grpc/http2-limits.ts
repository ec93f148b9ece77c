/**
 * What the node:http2 server allows itself and its clients beside what is configured. `docs/reference/grpc.md` gives the reasons
 * as a user needs them; a test compares the numbers.
 */
export interface Http2Limits {
  /** Headers of one call, in bytes, names and overhead included. Advertised: gRPC clients refuse to send more. */
  readonly maxHeaderBytes: number;
  /** Answers of one connection that its client has not taken yet, in bytes: above it, the next methods wait for their turn. */
  readonly maxUnsentBytes: number;
  /** How often a client is asked whether it is still there. One that has not answered the last time is cut off. */
  readonly keepaliveMs: number;
  /** How long a client may take to answer, in milliseconds, where that is less than {@link keepaliveMs}. */
  readonly keepaliveTimeoutMs: number;
  /** Connections that are open at a time; another one is closed at once. */
  readonly maxConnections: number;
  /** How long a connection is used; 0 for ever. A tenth of it more or less is left to chance. */
  readonly connectionAgeMs: number;
  /** How long calls on a connection that has reached its age may go on. */
  readonly connectionAgeGraceMs: number;
  /** How long a connection without calls is kept; 0 for ever. */
  readonly connectionIdleMs: number;
  /** Least time between two pings of a client that has no traffic. */
  readonly minPingIntervalMs: number;
  /** How many pings may come too early before the client is disconnected. */
  readonly maxPingStrikes: number;
  /** How often deadlines are looked at. Methods keep their deadlines themselves; this ends what does not. */
  readonly sweepMs: number;
  /** How long after its deadline an answer that is not taken is kept. */
  readonly stalledAnswerMs: number;
  /** How long a client may take to hang up a closing connection without calls. */
  readonly hangUpMs: number;
  /** The same after its last call: it may still be reading the answer. */
  readonly lastAnswerMs: number;
  /** Calls that a client may cancel per second, and at once. Node 24; Node 20 has 33 and 1,000 built in. */
  readonly resetsPerSecond: number;
  readonly resetsAtOnce: number;
}

export const http2Limits: Http2Limits = Object.freeze({
  maxHeaderBytes: 65_536,
  maxUnsentBytes: 64 * 1024 * 1024,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 10_000,
  maxConnections: 2_048,
  connectionAgeMs: 1_800_000,
  connectionAgeGraceMs: 30_000,
  connectionIdleMs: 300_000,
  minPingIntervalMs: 5_000,
  maxPingStrikes: 2,
  sweepMs: 1_000,
  stalledAnswerMs: 10_000,
  hangUpMs: 250,
  lastAnswerMs: 2_000,
  resetsPerSecond: 1_000,
  resetsAtOnce: 2_000,
});

/** The limits that can be configured. */
export type ConfiguredLimits = Pick<
  Http2Limits,
  | 'maxHeaderBytes'
  | 'keepaliveMs'
  | 'keepaliveTimeoutMs'
  | 'maxConnections'
  | 'connectionAgeMs'
  | 'connectionAgeGraceMs'
  | 'connectionIdleMs'
  | 'minPingIntervalMs'
>;
