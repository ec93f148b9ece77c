import type { Socket } from 'node:net';
import type { ServedCall } from '../../serving/served-call.ts';

/** One unary method: serialized request in, serialized answer out. */
export interface UnaryMethod {
  /** `/package.Service/Method`, as it stands on the wire. */
  readonly path: string;
  /** @throws SideboardError, mapped to a status by the server that runs the method */
  handle(message: Uint8Array, call: ServedCall): Promise<Uint8Array> | Uint8Array;
}

/**
 * What a gRPC server serves, free of any server library: the server under it can be chosen by measurement.
 */
export type ServiceTable = readonly UnaryMethod[];

/** Connections that another process accepts and hands over, so that this one need not listen. */
export interface HandedConnections {
  /** Where they were accepted. */
  readonly address: string;
  /** Called once by the server, when it can serve. Every socket comes before anything was read from it. */
  take(serve: (socket: Socket) => void): void;
}

export interface GrpcServerOptions {
  /** `host:port` (port 0 picks a free one), `[v6]:port` or `unix:/absolute/path`; or where connections come from instead. */
  readonly address: string | HandedConnections;
  /** Largest request in bytes; a larger one is RESOURCE_EXHAUSTED. */
  readonly maxMessageBytes: number;
  /** Calls that one connection may have open at a time. */
  readonly maxConcurrentStreams: number;
  /** Deadline of a call that names none, in milliseconds after its arrival. */
  readonly defaultDeadlineMs: number;
  /** Longest deadline that a call may have, in milliseconds after its arrival. */
  readonly maxDeadlineMs: number;
  /**
   * Told of every failure that a caller gets from here, with the path of its method, or without one where the call reached
   * none. An error that is no SideboardError was not foreseen: the caller only learns that it was internal, and what it says
   * stays here. Must not throw.
   */
  readonly onFailure: (error: unknown, path: string | undefined) => void;
}

/** A server that accepts calls. */
export interface GrpcServer {
  /** The address that was bound: `host:port` with the real port, or `unix:/absolute/path`. */
  readonly address: string;
  /** Number of calls that have begun and not ended. */
  openCalls(): number;
  /**
   * Stops accepting, lets calls under way finish for at most `graceMs`, then answers the rest UNAVAILABLE. A second call gets
   * the same promise.
   */
  close(graceMs: number): Promise<void>;
}
