import type { CallOptions, OnlineTable } from '../online-store.ts';
import type { RedisCommand, RedisConnection } from './redis-connection.ts';
import {
  featureField,
  isKeyOfProject,
  projectSuffix,
  scanPattern,
  tableOfTimeField,
  timeField,
} from './redis-layout.ts';

/**
 * Removes the rows of these tables. Views with the same join keys share the hashes, so a key goes only when no other view has
 * a row under it; else the fields of the removed views go.
 */
export async function removeTables(
  connection: RedisConnection,
  tables: readonly OnlineTable[],
  options?: CallOptions,
): Promise<void> {
  for (const group of groupByKeys(tables)) await removeGroup(connection, group, options);
}

async function removeGroup(
  connection: RedisConnection,
  tables: readonly OnlineTable[],
  options: CallOptions | undefined,
): Promise<void> {
  const [first] = tables;
  if (first === undefined) return;
  const project = projectSuffix(first.project);
  const removed = new Map(tables.map((table) => [table.name, table]));
  const seen = async (found: Buffer[]): Promise<undefined> => {
    const keys = found.filter((key) => isKeyOfProject(key, first.joinKeys, project));
    const fields = await connection.run(
      keys.map((key) => ['hkeys', key]),
      { repeatable: true },
      options,
    );
    const commands = keys.flatMap((key, index) => removalOf(key, fields[index], removed));
    await connection.run(commands, { repeatable: false }, options);
  };
  await connection.scan('hash', scanPattern(first.joinKeys, project), seen, options);
}

function removalOf(key: Buffer, fields: unknown, removed: ReadonlyMap<string, OnlineTable>): RedisCommand[] {
  const stored = (Array.isArray(fields) ? fields : []).flatMap((field: Buffer) => tableOfTimeField(field) ?? []);
  const going = stored.flatMap((name) => removed.get(name) ?? []);
  if (going.length === 0) return [];
  // UNLINK frees the memory outside the server's main thread.
  if (going.length === stored.length) return [['unlink', key]];
  const doomed = going.flatMap((table) => [
    ...table.features.map((feature) => featureField(table.name, feature.name)),
    timeField(table.name),
  ]);
  return [['hdel', key, ...doomed]];
}

function groupByKeys(tables: readonly OnlineTable[]): OnlineTable[][] {
  const groups = new Map<string, OnlineTable[]>();
  for (const table of tables) {
    const id = JSON.stringify([table.project, [...table.joinKeys].sort()]);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [table]);
    else group.push(table);
  }
  return [...groups.values()];
}
