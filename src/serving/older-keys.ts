import { createEntityKeyEncoder } from '../encoding/entity-key.ts';
import type { TableRead } from '../stores/online-store.ts';
import { RowBlock } from '../stores/row-block.ts';
import { entityKeysOf, type KeySource } from './entity-keys.ts';
import type { Plan } from './plan.ts';
import type { ServingPolicy } from './serving-policy.ts';
import type { ReadTables } from './table-reader.ts';

/**
 * Looks once more, under entity key serialization version 2, for the entities that were not found; rows that turn up are
 * copied into the blocks of `reads`. A store that Feast filled before version 3 can be served this way while it migrates.
 *
 * @param remakesKeys whether the older keys are made here; otherwise the store serializes them by the version that it is told
 * @returns how many rows turned up
 */
export async function readOlderKeys(
  read: ReadTables,
  remakesKeys: boolean,
  plan: Plan,
  source: KeySource,
  rows: number,
  reads: readonly TableRead[],
  policy: ServingPolicy,
): Promise<number> {
  const retries: { missing: readonly number[]; again: TableRead; into: RowBlock }[] = [];
  for (const [index, first] of reads.entries()) {
    const missing = [...first.keys.keys()].filter((row) => first.block.found[row] === 0);
    const group = plan.keyGroups[plan.tables[index]?.keyGroup ?? -1];
    if (missing.length === 0 || group === undefined) continue;
    const keys = remakesKeys
      ? entityKeysOf(group, source, rows, policy, createEntityKeyEncoder(group.encoder.joinKeys, 2), missing)
      : missing.flatMap((row) => first.keys[row] ?? []);
    const block = new RowBlock(keys.length, first.features.length);
    retries.push({ missing, again: { ...first, keys, block }, into: first.block });
  }
  if (retries.length === 0) return 0;
  await read(
    retries.map(({ again }) => again),
    2,
  );
  let hits = 0;
  for (const { missing, again, into } of retries) {
    for (const [from, to] of missing.entries()) {
      if (again.block.found[from] === 0) continue;
      into.copyRow(to, again.block, from);
      hits++;
    }
  }
  return hits;
}
