import type { Caller } from '../../registry/access/caller.ts';

/** Decides who may call at all, by the head of a call: before anything of its body is unpacked. */
export interface CallGuard {
  /**
   * @param path the method that is called
   * @param authorization the header of that name
   * @returns who calls; at once where that is known
   * @throws SideboardError `unauthenticated` for somebody who may not call; `unavailable` where that cannot be found out
   */
  admit(path: string, authorization: string | undefined): Caller | Promise<Caller>;
}
