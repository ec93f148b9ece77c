import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { nodeEntry } from '../../../bench/node-entry.ts';
import { until } from '../../support/until.ts';
import type { CollectedBytes } from './memory-teller.ts';
import { MEMORY_FILE, TELL_MEMORY } from './memory-teller-protocol.ts';
import { sampleProcess } from './process-samples.ts';
import type { Product, ProductOptions } from './product.ts';

/** What a process holds when everything that nobody needs any more has been collected. */
export interface CollectedMemory {
  /** JavaScript's objects, and buffers. */
  readonly liveMb: number;
  readonly rssMb: number;
}

/**
 * Lets a product be asked what it holds. Between collections its memory says little: V8 keeps tens of megabytes of garbage before it
 * looks for it, and more or less at any moment.
 * @param folder where the product writes what it is asked
 * @returns options that the product has to be started with, and what asks it
 */
export function collectedMemoryIn(folder: string): {
  readonly options: Pick<ProductOptions, 'nodeArgs' | 'env'>;
  of(product: Pick<Product, 'pid' | 'signal'>): Promise<CollectedMemory>;
} {
  const file = join(folder, 'collected-memory.json');
  const teller = nodeEntry(new URL('./memory-teller.ts', import.meta.url));
  return {
    options: {
      nodeArgs: ['--expose-gc', ...teller.execArgv, '--import', teller.file],
      env: { [MEMORY_FILE]: file },
    },
    async of(product) {
      rmSync(file, { force: true });
      product.signal(TELL_MEMORY);
      const { heap, external } = await until(
        () => (existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as CollectedBytes) : undefined),
        () => 'the product does not say what it holds',
      );
      return { liveMb: (heap + external) / 2 ** 20, rssMb: sampleProcess(product.pid).rssMb };
    },
  };
}
