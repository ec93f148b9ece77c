import type { Caller } from '../registry/access/caller.ts';
import type { CallOptions } from '../stores/online-store.ts';

/** What a method is told of the call that it answers, and what it may ask of the server under it. */
export interface ServedCall extends CallOptions {
  /** Who calls; nothing where nobody asks that. */
  readonly caller?: Caller | undefined;
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
