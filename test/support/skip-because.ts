import type { Context } from 'mocha';

/**
 * Skips the running test, or from a `before` hook every test of its suite, and gives the report the reason.
 * Only for what a machine cannot have; never for what is unfinished.
 */
export function skipBecause(context: Context, reason: string): never {
  const runnable = context.test;
  if (runnable !== undefined) {
    const isHook = 'type' in runnable && runnable.type === 'hook';
    Object.assign(isHook ? (runnable.parent ?? runnable) : runnable, { skipReason: reason });
  }
  return context.skip();
}
