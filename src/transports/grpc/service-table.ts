import type { Socket } from 'node:net';
import type { Caller } from '../../registry/access/caller.ts';
import type { ServedCall } from '../../serving/served-call.ts';
import type { CallOptions } from '../../stores/online-store.ts';
import type { TlsContext } from '../tls/tls-context.ts';
import type { AdmissionLimits } from './call-admission.ts';
import type { CallGuard } from './call-guard.ts';
import type { ConfiguredLimits } from './http2-limits.ts';
import type { TransportLimit } from './transport-limit.ts';

/** One unary method: serialized request in, serialized answer out. */
export interface UnaryMethod {
  /** `/package.Service/Method`, as it stands on the wire. */
  readonly path: string;
  /** @throws SideboardError, mapped to a status by the server that runs the method */
  handle(message: Uint8Array, call: ServedCall): Promise<Uint8Array> | Uint8Array;
}

/** One method with a stream of messages each way, of which neither side need wait for the other. */
export interface StreamMethod {
  /** `/package.Service/Method`, as it stands on the wire. */
  readonly path: string;
  /**
   * Answers one call; when it settles the call ends. It runs until it settles, also behind the call's end.
   * @throws SideboardError, mapped to a status by the server that runs the method, behind what has been sent
   */
  stream(call: StreamCall): Promise<void>;
}

export type ServiceMethod = UnaryMethod | StreamMethod;

/**
 * What a gRPC server serves, free of any server library: the server under it can be chosen by measurement.
 */
export type ServiceTable = readonly ServiceMethod[];

/** What is known of a call that failed; of one that reached no method that is little. */
export type FailedCall = Pick<ServedCall, 'marks' | 'peer' | 'observer' | 'deadline' | 'deadlineIsOurs'>;

/** A call of a {@link StreamMethod}, as its method sees it. */
export interface StreamCall extends Pick<ServedCall, 'marks' | 'peer' | 'observer'>, Pick<CallOptions, 'trace'> {
  /**
   * The serialized messages of the client, to be iterated once. The client may send only some more than were taken from here:
   * whoever takes no more messages stops it. It ends when the client has ended its side, when the call is over, and when the server
   * stops; what was not taken by then is not given out. It throws for what is not a gRPC message, or one that is too large.
   */
  readonly messages: AsyncIterable<Uint8Array>;
  /** Stands for the connection: the same for all of its calls. Nothing where it is not known. */
  readonly connection?: unknown;
  /** Who calls; nothing where nobody asks that. */
  readonly caller?: Caller | undefined;
  /** The client has ended its side, and all of its messages were taken. */
  readonly isComplete: boolean;
  /** Aborted when nobody waits for the answers any more. */
  readonly signal: AbortSignal;
  /**
   * Sends a message, which is not to be touched until the promise resolves: when the client has taken it so far that there is
   * room for another one. It resolves also when the call is over, and then does nothing.
   */
  send(message: Uint8Array): Promise<void>;
}

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
  /** Mode of the file of a Unix socket. Default: 0o660. */
  readonly socketMode?: number;
  /** Certificates of a server that speaks TLS, on whatever connections. Without them it speaks none. */
  readonly certificates?: TlsContext | undefined;
  /** Decides who may call. Without it everybody may. */
  readonly guard?: CallGuard | undefined;
  /** Limits of connections that are other than the usual ones. */
  readonly limits?: Partial<ConfiguredLimits> | undefined;
  /** Bounds what is under way at a time. Without it nothing does. */
  readonly admission?: AdmissionLimits | undefined;
  /** Told of every limit that took effect and of which no failure tells. Must not throw. */
  readonly onLimit?: ((limit: TransportLimit) => void) | undefined;
  /** Largest request in bytes; a larger one is RESOURCE_EXHAUSTED. */
  readonly maxMessageBytes: number;
  /** Calls that one connection may have open at a time. */
  readonly maxConcurrentStreams: number;
  /** Deadline of a call that names none, in milliseconds after its arrival. */
  readonly defaultDeadlineMs: number;
  /** Longest deadline that a call may have, in milliseconds after its arrival. */
  readonly maxDeadlineMs: number;
  /**
   * How long a call of a {@link StreamMethod} may wait for its client, in milliseconds: for another message, or to take one. The
   * two deadlines above do not hold for it.
   */
  readonly streamIdleMs: number;
  /**
   * Told of every failure that a caller gets from here, with the path of its method, or without one where the call reached
   * none. An error that is not a SideboardError was not foreseen: the caller only learns that it was internal, and what it says
   * stays here. Must not throw.
   */
  readonly onFailure: (error: unknown, path: string | undefined, call?: FailedCall) => void;
}

/** A server that accepts calls. */
export interface GrpcServer {
  /** The address that was bound: `host:port` with the real port, or `unix:/absolute/path`. */
  readonly address: string;
  /** Number of calls that have begun and not ended. */
  openCalls(): number;
  /** Number of calls whose methods run and that `admission` counts. */
  runningCalls(): number;
  /** Number of clients' connections that are open. */
  openConnections(): number;
  /**
   * Stops accepting, lets calls under way finish for at most `graceMs`, then answers the rest UNAVAILABLE. A second call gets
   * the same promise.
   */
  close(graceMs: number): Promise<void>;
}
