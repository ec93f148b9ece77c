import type { Caller } from '../registry/access/caller.ts';
import type { CallOptions } from '../stores/online-store.ts';
import type { CallObserver } from './call-observer.ts';

/** Headers of a call that are handed on, or told of. As they were sent. */
export interface CallMarks {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  /** `x-request-id`. */
  readonly requestId?: string | undefined;
}

/** Where a call comes from: a Unix socket, this machine, or another one. */
export type PeerKind = 'unix' | 'loopback' | 'remote';

/** What a method is told of the call that it answers, and what it may ask of the server under it. */
export interface ServedCall extends CallOptions {
  /** Who calls; nothing where nobody asks that. */
  readonly caller?: Caller | undefined;
  /** Nothing where the caller sent none of them. */
  readonly marks?: CallMarks | undefined;
  readonly peer?: PeerKind | undefined;
  /** The caller named no deadline, or a later one than the server allows. */
  readonly deadlineIsOurs?: boolean | undefined;
  /** Told what becomes of the call. Whoever wants to know puts it here, before the method runs. */
  observer?: CallObserver | undefined;
  /**
   * Memory for the answer, which the server uses again for another one as soon as this one has left. Where it is missing, the
   * method allocates for itself.
   *
   * The bytes are not zeroed. They belong to the method until it settles, and to the server from then on: the method keeps no
   * view of them, and no other call may be answered with them. It answers with this very array, or with another one of its own,
   * in which case the memory is unused.
   *
   * @param bytes exact length of the answer
   * @returns an array of that length; a second call within the same call gives memory of its own
   */
  allocateAnswer?(bytes: number): Uint8Array;
}
