import type { RedisServer } from './redis-server.ts';

/** A move of a slot that has begun: both nodes know of it, keys may stand on either. */
export interface SlotMove {
  /** Moves all keys of the slot. */
  moveKeys(): Promise<void>;
  /** Makes the new node the owner. */
  finish(): Promise<void>;
}

export async function beginSlotMove(
  slot: number,
  from: RedisServer,
  to: RedisServer,
  all: readonly RedisServer[],
): Promise<SlotMove> {
  const fromId = await nodeId(from);
  const toId = await nodeId(to);
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  return {
    moveKeys: async () => {
      const keys = (await from.client.callBuffer('CLUSTER', 'GETKEYSINSLOT', slot, 1000)) as Buffer[];
      if (keys.length > 0) await from.client.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys);
    },
    finish: async () => {
      for (const { client } of [to, from, ...all.filter((node) => node !== to && node !== from)]) {
        await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
      }
    },
  };
}

/** Gives slots that hold no keys to another node. */
export async function giveSlots(slots: readonly number[], to: RedisServer, all: readonly RedisServer[]): Promise<void> {
  const toId = await nodeId(to);
  // Else what the old owner has said last, with a later epoch, would win.
  await to.client.call('CLUSTER', 'BUMPEPOCH');
  for (const { client } of [to, ...all.filter((node) => node !== to)]) {
    await Promise.all(slots.map((slot) => client.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId)));
  }
}

export async function nodeId(node: RedisServer): Promise<string> {
  return String(await node.client.call('CLUSTER', 'MYID'));
}

/** How often a node has answered with this error. */
export async function countErrors(node: RedisServer, error: string): Promise<number> {
  const stats = await node.client.info('errorstats');
  return Number(new RegExp(`errorstat_${error}:count=(\\d+)`).exec(stats)?.[1] ?? 0);
}
