/** What the server for probes and metrics allows its clients. `docs/guide/operations.md` lists the numbers; a test compares them. */
export const adminLimits = Object.freeze({
  /** Head of a request, in bytes. */
  maxHeaderBytes: 8_192,
  /** Time for a request to come, in milliseconds. */
  requestMs: 5_000,
  /** How often that is looked at. */
  sweepMs: 1_000,
  /** How long a connection may stay without a request. */
  keepAliveMs: 15_000,
  maxConnections: 64,
  maxRequestsPerConnection: 1_000,
  /** Requests of a connection that wait for their answers. Who sends more without reading what comes is hung up on. */
  maxWaitingPerConnection: 4,
});
