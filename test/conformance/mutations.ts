import type { Mutation } from './mutation.ts';
import { callMutations } from './mutations-of-calls.ts';
import { loadingMutations } from './mutations-of-loads.ts';
import { newestRowMutations } from './mutations-of-newest-rows.ts';
import { readMutations } from './mutations-of-reads.ts';
import { tableMutations } from './mutations-of-tables.ts';
import { writeMutations } from './mutations-of-writes.ts';

export const mutations: readonly Mutation[] = [
  ...readMutations,
  ...writeMutations,
  ...tableMutations,
  ...callMutations,
  ...newestRowMutations,
  ...loadingMutations,
];
