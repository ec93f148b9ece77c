import type { EntityKey } from '../../gen/feast/types/EntityKey_pb.ts';
import type { OnlineStore, OnlineTable, ReadOptions, StoredRow } from './online-store.ts';
import { RowBlock } from './row-block.ts';
import { rowsFromBlock, serializeKeys } from './row-objects.ts';

/** {@link OnlineStore.onlineRead} of a store that has `readMany`: one table, rows as objects. */
export async function readRows(
  store: Required<Pick<OnlineStore, 'readMany'>>,
  table: OnlineTable,
  entityKeys: readonly EntityKey[],
  requestedFeatures: readonly string[] | undefined,
  options: ReadOptions | undefined,
): Promise<readonly (StoredRow | undefined)[]> {
  const features = requestedFeatures ?? table.features.map((feature) => feature.name);
  const keys = serializeKeys(table, entityKeys, options?.entityKeyVersion);
  const block = new RowBlock(keys.length, features.length);
  await store.readMany([{ table, keys, features, block }], options);
  return rowsFromBlock(block, features);
}
