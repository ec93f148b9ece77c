import { setImmediate as nextTurn } from 'node:timers/promises';
import slotOf from 'cluster-key-slot';
import { Cluster, type Redis } from 'ioredis';
import type { CallOptions, TableRead } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import type { RedisClientOptions } from './redis-client.ts';
import { RedisConnection } from './redis-connection.ts';
import { LaneConnector } from './redis-lane-socket.ts';
import { redisKey } from './redis-layout.ts';
import { groupReads, type ReadGroup, rowsOfGroup, splitGroups } from './redis-read-groups.ts';
import { LaneLost, RedisReadLane, type RefusedRow } from './redis-read-lane.ts';
import { type RowRead, readRows } from './redis-read-rows.ts';

/** What a cluster's node says when the row is to be asked for elsewhere, or later. */
const REDIRECTION = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING|MASTERDOWN)\b/;

/** A lane and the connection that keeps it. */
interface OpenLane {
  readonly connection: RedisConnection;
  lane: RedisReadLane | undefined;
}

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
  readonly #lanes = new Map<string, OpenLane>();
  /** The cluster client that is listened to. */
  #cluster: Cluster | undefined;
  #closed = false;

  /** @param commands the connection for everything else; of a cluster it knows the nodes */
  constructor(options: RedisClientOptions, commands: RedisConnection) {
    this.#options = options;
    this.#commands = commands;
  }

  /** Fills the blocks of all reads. @throws StoreError */
  read(reads: readonly TableRead[], call?: CallOptions): Promise<void> {
    const groups = groupReads(reads);
    let rows = 0;
    for (const group of groups) rows += group.count;
    // The usual read goes on without promises of its own: of what serving one row costs, they were a tenth.
    if (!this.#closed && rows > 0 && rows <= this.#options.max_pipeline_keys) return this.#readPart(groups, call);
    return this.#readParts(groups, call);
  }

  /** Proves that rows can be read: the lane is connected. A cluster's lanes are opened as rows need them. */
  async ping(call?: CallOptions): Promise<void> {
    if (this.#options.redis_type !== 'redis_cluster') await this.#laneTo(ONLY).connection.ready(call);
  }

  close(): void {
    this.#closed = true;
    for (const lane of this.#lanes.values()) closeLane(lane);
    this.#lanes.clear();
  }

  async #readParts(groups: readonly ReadGroup[], call?: CallOptions): Promise<void> {
    if (groups.length === 0) return;
    // A closed connection says so; a lane might not have heard of it yet.
    if (this.#closed) await this.#commands.ready(call);
    for (const part of splitGroups(groups, this.#options.max_pipeline_keys)) await this.#readPart(part, call);
  }

  async #readPart(groups: readonly ReadGroup[], call?: CallOptions): Promise<void> {
    if (this.#options.redis_type === 'redis_cluster') return this.#readCluster(groups, call);
    const lane = this.#laneTo(ONLY);
    const [refused] = await this.#readTwice(lane, groups, call);
    if (refused !== undefined) throw lane.connection.translate(new Error(refused.message));
  }

  /** Reading twice does no harm: a connection that breaks under a read is made again once. */
  async #readTwice(lane: OpenLane, groups: readonly ReadGroup[], call?: CallOptions): Promise<readonly RefusedRow[]> {
    try {
      return await (lane.lane?.ready === true ? lane.lane.read(groups, call) : this.#readOnce(lane, groups, call));
    } catch (error) {
      if (!(error instanceof LaneLost)) throw error;
      clearRows(groups);
      try {
        return await this.#readOnce(lane, groups, call);
      } catch (again) {
        throw again instanceof LaneLost ? lane.connection.translate(new Error(again.message || CLOSED)) : again;
      }
    }
  }

  async #readOnce(lane: OpenLane, groups: readonly ReadGroup[], call?: CallOptions): Promise<readonly RefusedRow[]> {
    if (!isReady(lane)) await lane.connection.ready(call);
    // The client calls itself ready a moment before it says so.
    if (!isReady(lane)) await nextTurn();
    if (lane.lane === undefined) throw new LaneLost();
    return lane.lane.read(groups, call);
  }

  async #readCluster(groups: readonly ReadGroup[], call?: CallOptions): Promise<void> {
    const client = await this.#commands.ready(call);
    if (!(client instanceof Cluster)) throw new TypeError('a cluster has a cluster client');
    this.#follow(client);
    const byNode = groupsByNode(groups, client);
    const left = await Promise.all([...byNode].map(([node, part]) => this.#readNode(node, part, call)));
    const rows = left.flat();
    if (rows.length > 0) await readRows(this.#commands, rows, call);
  }

  /** Reads from one node. @returns the rows that have to be asked for through the cluster's client */
  async #readNode(node: string, groups: readonly ReadGroup[], call?: CallOptions): Promise<RowRead[]> {
    if (node === ONLY) return rowsOf(groups);
    const lane = this.#laneTo(node);
    try {
      const refused = await this.#readOnce(lane, groups, call);
      const failed = refused.find(({ message }) => !REDIRECTION.test(message));
      if (failed !== undefined) throw lane.connection.translate(new Error(failed.message));
      return refused.map(({ group, row }) => ({ group, row }));
    } catch (error) {
      if (this.#closed || !isUnreachable(error)) throw error;
      return rowsOf(groups);
    }
  }

  #laneTo(name: string): OpenLane {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    // Between the parts of a read: a lane opened now would never be closed.
    if (this.#closed) throw new StoreError('STORE_CLOSED', `The store was closed while ${this.#commands.doing}.`);
    const options = name === ONLY ? this.#options : optionsOfNode(this.#options, name);
    const laneFor = (client: Redis | Cluster): void => {
      open.lane = new RedisReadLane(client as Redis, {
        silenceMs: options.target.commandTimeoutMs ?? options.command_timeout_ms,
        maxInFlight: options.max_in_flight_commands,
        doing: connection.doing,
      });
    };
    const connection = new RedisConnection(options, laneFor, LaneConnector);
    const open: OpenLane = { connection, lane: undefined };
    this.#lanes.set(name, open);
    return open;
  }

  /** Nodes leave a cluster; their lanes would try to connect for ever. */
  #follow(client: Cluster): void {
    if (this.#cluster === client) return;
    this.#cluster = client;
    client.on('-node', ({ options }: Redis) => {
      const name = `${options.host}:${options.port}`;
      const lane = this.#lanes.get(name);
      if (lane === undefined) return;
      this.#lanes.delete(name);
      closeLane(lane);
    });
  }
}

/** What the client library says of a connection that is lost. */
const CLOSED = 'Connection is closed.';
/** Name of the one lane outside a cluster; in a cluster, of slots that nobody is known to serve. */
const ONLY = '';

function isReady({ lane }: OpenLane): boolean {
  return lane?.ready === true;
}

function closeLane({ connection, lane }: OpenLane): void {
  connection.close();
  lane?.close();
}

/** Whether a node is not there (any more); another one may hold its rows by now. */
function isUnreachable(error: unknown): boolean {
  if (error instanceof LaneLost) return true;
  return error instanceof StoreError && (error.code === 'STORE_UNAVAILABLE' || error.code === 'STORE_CLOSED');
}

function optionsOfNode(options: RedisClientOptions, node: string): RedisClientOptions {
  const colon = node.lastIndexOf(':');
  const address = { host: node.slice(0, colon), port: Number(node.slice(colon + 1)) };
  return { ...options, redis_type: 'redis', target: { ...options.target, nodes: [address], db: 0 } };
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
