import { type ConfiguredLimits, type Http2Limits, http2Limits } from '../http2-limits.ts';

/**
 * What the net-http2 server allows itself and its clients: the limits that it shares with node-http2, and those that Node has
 * built in there. `docs/reference/grpc.md` gives the reasons; a test compares the numbers.
 */
export interface NetHttp2Limits extends Http2Limits {
  /** Header fields of one call. */
  readonly maxHeaderFields: number;
  /** Bytes of one header block as it travels, compressed, in all its frames. */
  readonly maxHeaderBlockBytes: number;
  /** Frames of one header block. */
  readonly maxHeaderFrames: number;
  /** How long a client may take for its preface, and to acknowledge settings. */
  readonly settingsTimeoutMs: number;
  /** Bytes of one call's request, and of a connection's requests, that may be on their way unasked. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** Requests of one connection in memory, in bytes, until their methods have finished: above it, nothing more is asked for. */
  readonly maxRequestBytes: number;
  /** Bytes that wait in the socket of a connection: above the first no more of answers, above the second nothing is read. */
  readonly maxSocketBacklog: number;
  readonly maxReplyBacklog: number;
  /** Frames that are of no use, per second and at once: settings, empty data, priorities, what is unknown or came too late. */
  readonly idleFramesPerSecond: number;
  readonly idleFramesAtOnce: number;
  /** How often memory that a busy moment left is given back. */
  readonly memoryTrimMs: number;
}

export const netHttp2Limits: NetHttp2Limits = Object.freeze({
  ...http2Limits,
  maxHeaderFields: 128,
  maxHeaderBlockBytes: 131_072,
  maxHeaderFrames: 32,
  settingsTimeoutMs: 10_000,
  streamWindow: 256 * 1024,
  connectionWindow: 1024 * 1024,
  maxRequestBytes: 64 * 1024 * 1024,
  maxSocketBacklog: 256 * 1024,
  maxReplyBacklog: 512 * 1024,
  idleFramesPerSecond: 1_000,
  idleFramesAtOnce: 10_000,
  memoryTrimMs: 10_000,
});

/** The limits, with those that are configured. A block may take twice as much compressed: the limit is for what it says. */
export function configuredLimits(base: NetHttp2Limits, configured: Partial<ConfiguredLimits> = {}): NetHttp2Limits {
  const limits = { ...base, ...configured };
  return { ...limits, maxHeaderBlockBytes: Math.max(base.maxHeaderBlockBytes, 2 * limits.maxHeaderBytes) };
}
