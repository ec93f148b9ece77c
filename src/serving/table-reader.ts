import { deserializeEntityKey, type EntityKeyVersion } from '../encoding/entity-key.ts';
import type { OnlineStore, ReadOptions, TableRead } from '../stores/online-store.ts';

/**
 * Fills the blocks of all reads for one call.
 * @param version serialization of the entity keys; 3 unless it says otherwise
 */
export type ReadTables = (reads: readonly TableRead[], version?: EntityKeyVersion) => Promise<void>;

/**
 * Fills the blocks of all reads: in one round trip where the store can, else table by table side by side through
 * `onlineRead`, which serializes the keys anew, in `call.entityKeyVersion`.
 */
export function readTables(store: OnlineStore, reads: readonly TableRead[], call: ReadOptions): Promise<void> {
  return store.readMany === undefined ? readEach(store, reads, call) : store.readMany(reads, call);
}

async function readEach(store: OnlineStore, reads: readonly TableRead[], call: ReadOptions): Promise<void> {
  await Promise.all(
    reads.map(async ({ table, keys, features, block }) => {
      const entityKeys = keys.map((key) => deserializeEntityKey(key));
      block.fill(await store.onlineRead(table, entityKeys, features, call), features);
    }),
  );
}
