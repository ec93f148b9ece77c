import { setImmediate as nextTurn } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';
import type { CallOptions, StoreConnections } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import type { RedisClientOptions } from './redis-client.ts';
import { RedisConnection } from './redis-connection.ts';
import { LaneLost, type LaneOptions } from './redis-lane.ts';
import { LaneConnector } from './redis-lane-socket.ts';

/** Name of the one lane outside a cluster; in a cluster, of slots that nobody is known to serve. */
export const ONLY = '';
/** What the client library says of a connection that is lost. */
const CLOSED = 'Connection is closed.';

/** What a cluster's node says when the row is to be asked for elsewhere, or later. */
export const REDIRECTION = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING|MASTERDOWN)\b/;

/** A lane as far as the connection that keeps it is concerned. */
export interface Lane {
  readonly ready: boolean;
  readonly busy: boolean;
  close(): void;
}

/** A lane and the connection that keeps it. */
export interface OpenLane<L extends Lane> {
  readonly connection: RedisConnection;
  lane: L | undefined;
}

/** The lanes of a store for one purpose, one to every server that is needed for it, opened when it first is. */
export class RedisLanes<L extends Lane> {
  readonly #options: RedisClientOptions;
  readonly #commands: RedisConnection;
  readonly #createLane: (client: Redis, options: LaneOptions) => L;
  readonly #lanes = new Map<string, OpenLane<L>>();
  /** The cluster client that is listened to. */
  #cluster: Cluster | undefined;
  #closed = false;

  /** @param commands the connection for everything else; of a cluster it knows the nodes */
  constructor(
    options: RedisClientOptions,
    commands: RedisConnection,
    createLane: (client: Redis, options: LaneOptions) => L,
  ) {
    this.#options = options;
    this.#commands = commands;
    this.#createLane = createLane;
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    for (const lane of this.#lanes.values()) closeLane(lane);
    this.#lanes.clear();
  }

  /** What the connections of the lanes do now; calls share them. */
  connections(): StoreConnections {
    const count = { inUse: 0, idle: 0, connecting: 0 };
    for (const open of this.#lanes.values()) {
      if (!isReady(open)) count.connecting++;
      else if (open.lane?.busy === true) count.inUse++;
      else count.idle++;
    }
    return count;
  }

  /** The cluster's client, which knows who serves which slot. */
  async cluster(call?: CallOptions): Promise<Cluster> {
    const client = await this.#commands.ready(call);
    if (!(client instanceof Cluster)) throw new TypeError('a cluster has a cluster client');
    this.#follow(client);
    return client;
  }

  /** @param name `host:port` of a cluster's node, or {@link ONLY} */
  laneTo(name: string): OpenLane<L> {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    // Between the parts of a call: a lane opened now would never be closed.
    if (this.#closed) throw new StoreError('STORE_CLOSED', `The store was closed while ${this.#commands.doing}.`);
    const options = name === ONLY ? this.#options : optionsOfNode(this.#options, name);
    const laneFor = (client: Redis | Cluster): void => {
      open.lane = this.#createLane(client as Redis, {
        silenceMs: options.target.commandTimeoutMs ?? options.command_timeout_ms,
        maxInFlight: options.max_in_flight_commands,
        doing: connection.doing,
      });
    };
    const connection = new RedisConnection(options, laneFor, LaneConnector);
    const open: OpenLane<L> = { connection, lane: undefined };
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

/** The lane, once it is connected. @throws StoreError why it is not @throws LaneLost */
export async function readyLane<L extends Lane>(open: OpenLane<L>, call?: CallOptions): Promise<L> {
  if (!isReady(open)) await open.connection.ready(call);
  // The client calls itself ready a moment before it says so.
  if (!isReady(open)) await nextTurn();
  if (open.lane === undefined) throw new LaneLost(undefined, false);
  return open.lane;
}

/** A lane's error for the caller. */
export function translateLost<L extends Lane>({ connection }: OpenLane<L>, error: unknown): unknown {
  return error instanceof LaneLost ? connection.translate(new Error(error.message || CLOSED)) : error;
}

/** Whether a node is not there (any more); another one may hold its rows by now. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof LaneLost) return true;
  return error instanceof StoreError && (error.code === 'STORE_UNAVAILABLE' || error.code === 'STORE_CLOSED');
}

function isReady<L extends Lane>({ lane }: OpenLane<L>): boolean {
  return lane?.ready === true;
}

function closeLane<L extends Lane>({ connection, lane }: OpenLane<L>): void {
  connection.close();
  lane?.close();
}

function optionsOfNode(options: RedisClientOptions, node: string): RedisClientOptions {
  const colon = node.lastIndexOf(':');
  const address = { host: node.slice(0, colon), port: Number(node.slice(colon + 1)) };
  return { ...options, redis_type: 'redis', target: { ...options.target, nodes: [address], db: 0 } };
}
