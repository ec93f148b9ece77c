/** The load driver's process: runs one measurement after the other, as its parent asks. */
import type { LoadResult, LoadSpec } from './load-spec.ts';
import { runLoad } from './run-load.ts';

export type DriverMessage =
  | { readonly kind: 'window-open' }
  | { readonly kind: 'window-closed' }
  | { readonly kind: 'result'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly reason: string };

const send = (message: DriverMessage): void => {
  process.send?.(message);
};

process.on('message', (spec: LoadSpec) => {
  runLoad(spec, {
    onOpen: () => send({ kind: 'window-open' }),
    onClose: () => send({ kind: 'window-closed' }),
  }).then(
    (result) => send({ kind: 'result', result }),
    (error: unknown) => send({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());
