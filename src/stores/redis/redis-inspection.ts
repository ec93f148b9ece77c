import { serializeEntityKeyPrefix } from '../../encoding/entity-key.ts';
import type { CallOptions, OnlineTable } from '../online-store.ts';
import { asBuffer } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import type { RedisConnection } from './redis-connection.ts';
import { projectPattern, projectSuffix } from './redis-layout.ts';

/**
 * Entity keys of a table that a walk over the key space meets first, in either serialization. It ends at `limit` keys, or with
 * the caller's deadline, with what was found by then.
 */
export async function sampleKeys(
  connection: RedisConnection,
  table: OnlineTable,
  limit: number,
  options?: CallOptions,
): Promise<readonly Uint8Array[]> {
  const project = projectSuffix(table.project);
  const prefixes = ([3, 2] as const).map((version) => asBuffer(serializeEntityKeyPrefix(table.joinKeys, version)));
  // A key may come twice.
  const found = new Map<string, Uint8Array>();
  await walkSome(
    connection,
    'hash',
    projectPattern(project),
    async (keys) => {
      for (const key of keys) {
        if (!prefixes.some((prefix) => key.subarray(0, prefix.length).equals(prefix))) continue;
        found.set(key.toString('latin1'), key.subarray(0, key.length - project.length));
        if (found.size >= limit) return 'enough';
      }
      return undefined;
    },
    options,
  );
  return [...found.values()];
}

/** A walk over the key space that also ends, without an error, with the caller's deadline. */
export async function walkSome(
  connection: RedisConnection,
  type: 'hash' | 'string',
  pattern: Buffer,
  onKeys: (keys: Buffer[]) => Promise<'enough' | undefined>,
  options: CallOptions | undefined,
): Promise<void> {
  try {
    await connection.scan(type, pattern, onKeys, options);
  } catch (error) {
    const outOfTime = error instanceof StoreError && error.code === 'STORE_TIMEOUT' && hasPassed(options?.deadline);
    if (!outOfTime) throw error;
  }
}

function hasPassed(deadline: number | undefined): boolean {
  return deadline !== undefined && deadline <= Date.now();
}
