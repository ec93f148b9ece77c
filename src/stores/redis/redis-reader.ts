import slotOf from 'cluster-key-slot';
import type { Cluster } from 'ioredis';
import type { CallOptions, StoreConnections, TableRead } from '../online-store.ts';
import type { RedisClientOptions } from './redis-client.ts';
import type { RedisConnection } from './redis-connection.ts';
import { LaneLost } from './redis-lane.ts';
import {
  isUnreachable,
  ONLY,
  type OpenLane,
  REDIRECTION,
  RedisLanes,
  readyLane,
  translateLost,
} from './redis-lanes.ts';
import { redisKey } from './redis-layout.ts';
import { groupReads, type ReadGroup, rowsOfGroup, splitGroups } from './redis-read-groups.ts';
import { RedisReadLane, type RefusedRow } from './redis-read-lane.ts';
import { type RowRead, readRows } from './redis-read-rows.ts';
import { RedisReplyScanner } from './redis-reply-scanner.ts';

/**
 * Reads rows over lanes of their own: one connection per Redis server that carries nothing but reads.
 *
 * In a cluster the rows of a request are asked of the nodes that hold them, side by side, one pipeline each. Rows that a node does
 * not serve any more, and rows of a node that cannot be reached, go through the cluster's client, which follows redirections
 * and learns the new layout from them.
 */
export class RedisReader {
  readonly #options: RedisClientOptions;
  readonly #commands: RedisConnection;
  readonly #lanes: RedisLanes<RedisReadLane>;

  /** @param commands the connection for everything else; of a cluster it knows the nodes */
  constructor(options: RedisClientOptions, commands: RedisConnection) {
    this.#options = options;
    this.#commands = commands;
    this.#lanes = new RedisLanes(
      options,
      commands,
      (client, laneOptions) => new RedisReadLane(client, laneOptions, () => new RedisReplyScanner()),
    );
  }

  /** Fills the blocks of all reads. @throws StoreError */
  read(reads: readonly TableRead[], call?: CallOptions): Promise<void> {
    const groups = groupReads(reads);
    let rows = 0;
    for (const group of groups) rows += group.count;
    // The usual read goes on without promises of its own: of what serving one row costs, they were a tenth.
    if (!this.#lanes.closed && rows > 0 && rows <= this.#options.max_pipeline_keys) return this.#readPart(groups, call);
    return this.#readParts(groups, call);
  }

  /** Proves that rows can be read: the lane is connected. A cluster's lanes are opened as rows need them. */
  async ping(call?: CallOptions): Promise<void> {
    if (this.#options.redis_type !== 'redis_cluster') await this.#lanes.laneTo(ONLY).connection.ready(call);
  }

  connections(): StoreConnections {
    return this.#lanes.connections();
  }

  close(): void {
    this.#lanes.close();
  }

  async #readParts(groups: readonly ReadGroup[], call?: CallOptions): Promise<void> {
    if (groups.length === 0) return;
    // A closed connection says so; a lane might not have heard of it yet.
    if (this.#lanes.closed) await this.#commands.ready(call);
    for (const part of splitGroups(groups, this.#options.max_pipeline_keys)) await this.#readPart(part, call);
  }

  async #readPart(groups: readonly ReadGroup[], call?: CallOptions): Promise<void> {
    if (this.#options.redis_type === 'redis_cluster') return this.#readCluster(groups, call);
    const lane = this.#lanes.laneTo(ONLY);
    const [refused] = await this.#readTwice(lane, groups, call);
    if (refused !== undefined) throw lane.connection.translate(new Error(refused.message));
  }

  /** Reading twice does no harm: a connection that breaks under a read is made again once. */
  async #readTwice(
    open: OpenLane<RedisReadLane>,
    groups: readonly ReadGroup[],
    call?: CallOptions,
  ): Promise<readonly RefusedRow[]> {
    try {
      return await (open.lane?.ready === true ? open.lane.read(groups, call) : readOnce(open, groups, call));
    } catch (error) {
      if (!(error instanceof LaneLost)) throw error;
      // What was never sent is not repeated by being sent.
      if (error.sent && !(await this.#options.retries.granted(call))) throw translateLost(open, error);
      clearRows(groups);
      try {
        return await readOnce(open, groups, call);
      } catch (again) {
        throw translateLost(open, again);
      }
    }
  }

  async #readCluster(groups: readonly ReadGroup[], call?: CallOptions): Promise<void> {
    const byNode = groupsByNode(groups, await this.#lanes.cluster(call));
    const left = await Promise.all([...byNode].map(([node, part]) => this.#readNode(node, part, call)));
    const rows = left.flat();
    if (rows.length > 0) await readRows(this.#commands, rows, call);
  }

  /** Reads from one node. @returns the rows that have to be asked for through the cluster's client */
  async #readNode(node: string, groups: readonly ReadGroup[], call?: CallOptions): Promise<RowRead[]> {
    if (node === ONLY) return rowsOf(groups);
    const lane = this.#lanes.laneTo(node);
    try {
      const refused = await readOnce(lane, groups, call);
      const failed = refused.find(({ message }) => !REDIRECTION.test(message));
      if (failed !== undefined) throw lane.connection.translate(new Error(failed.message));
      return refused.map(({ group, row }) => ({ group, row }));
    } catch (error) {
      if (this.#lanes.closed || !isUnreachable(error)) throw error;
      return rowsOf(groups);
    }
  }
}

async function readOnce(
  open: OpenLane<RedisReadLane>,
  groups: readonly ReadGroup[],
  call?: CallOptions,
): Promise<readonly RefusedRow[]> {
  return (await readyLane(open, call)).read(groups, call);
}

/** Each group once per node that holds some of its rows. */
function groupsByNode(groups: readonly ReadGroup[], client: Cluster): Map<string, ReadGroup[]> {
  const byNode = new Map<string, ReadGroup[]>();
  for (const group of groups) {
    const rowsByNode = new Map<string, number[]>();
    for (const row of rowsOfGroup(group)) {
      const key = group.keys[row] ?? new Uint8Array();
      const node = client.slots[slotOf(redisKey(key, group.request.project))]?.[0] ?? ONLY;
      const rows = rowsByNode.get(node);
      if (rows === undefined) rowsByNode.set(node, [row]);
      else rows.push(row);
    }
    for (const [node, rows] of rowsByNode) {
      const part: ReadGroup = { ...group, rows, count: rows.length };
      const parts = byNode.get(node);
      if (parts === undefined) byNode.set(node, [part]);
      else parts.push(part);
    }
  }
  return byNode;
}

function rowsOf(groups: readonly ReadGroup[]): RowRead[] {
  return groups.flatMap((group) => rowsOfGroup(group).map((row) => ({ group, row })));
}

function clearRows(groups: readonly ReadGroup[]): void {
  for (const { group, row } of rowsOf(groups)) for (const read of group.reads) read.block.clearRow(row);
}
