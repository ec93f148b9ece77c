import { createEntityKeyEncoder } from '../encoding/entity-key.ts';
import type { CallOptions, OnlineStore, TableRead } from '../stores/online-store.ts';
import { RowBlock } from '../stores/row-block.ts';
import { entityKeysOf, type KeySource } from './entity-keys.ts';
import type { Plan } from './plan.ts';
import type { ServingPolicy } from './serving-policy.ts';
import { readTables } from './table-reader.ts';

/**
 * Looks once more, under entity key serialization version 2, for the entities that were not found; rows that turn up are
 * copied into the blocks of `reads`. A store that Feast filled before version 3 can be served this way while it migrates.
 *
 * @returns how many rows turned up
 */
export async function readOlderKeys(
  store: OnlineStore,
  plan: Plan,
  source: KeySource,
  rows: number,
  reads: readonly TableRead[],
  policy: ServingPolicy,
  call: CallOptions,
): Promise<number> {
  const retries: { missing: readonly number[]; read: TableRead; into: RowBlock }[] = [];
  for (const [index, read] of reads.entries()) {
    const missing = [...read.keys.keys()].filter((row) => read.block.found[row] === 0);
    const group = plan.keyGroups[plan.tables[index]?.keyGroup ?? -1];
    if (missing.length === 0 || group === undefined) continue;
    const keys =
      store.readMany === undefined
        ? missing.flatMap((row) => read.keys[row] ?? [])
        : entityKeysOf(group, source, rows, policy, createEntityKeyEncoder(group.encoder.joinKeys, 2), missing);
    const block = new RowBlock(keys.length, read.features.length);
    retries.push({ missing, read: { ...read, keys, block }, into: read.block });
  }
  if (retries.length === 0) return 0;
  await readTables(
    store,
    retries.map((retry) => retry.read),
    { ...call, entityKeyVersion: 2 },
  );
  let hits = 0;
  for (const { missing, read, into } of retries) {
    for (const [from, to] of missing.entries()) {
      if (read.block.found[from] === 0) continue;
      into.copyRow(to, read.block, from);
      hits++;
    }
  }
  return hits;
}
