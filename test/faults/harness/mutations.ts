import type { Mutation } from './row.ts';

/** Changes of the product that several rows have to notice. */

/** Redis is asked for a request's rows in the opposite order. */
export const swappedRows: Mutation = {
  name: 'rows of a request are read in another order',
  file: 'src/stores/redis/redis-read-groups.js',
  find: 'const key = keys[rows?.[index] ?? index];',
  replace: 'const key = keys[rows?.[index] ?? count - 1 - index];',
  fails: 'wrong',
};
