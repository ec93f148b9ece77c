import slotOf from 'cluster-key-slot';
import type { Cluster } from 'ioredis';
import type { CallOptions, StoreConnections } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import type { RedisClientOptions } from './redis-client.ts';
import type { RedisConnection } from './redis-connection.ts';
import { failedRowFrom, refusesScripts } from './redis-guard-script.ts';
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
import { RedisWriteLane, type RefusedCommand, WriteReplies } from './redis-write-lane.ts';
import type { WritePlan } from './redis-write-plan.ts';
import { writeRows, writeRowsCompared } from './redis-write-rows.ts';

/** Parts on their way at most, of one call to one server: about half a megabyte. */
const WINDOW = 8;
/** Rows of a cluster that are looked up at a time: what moves meanwhile is sent to its new node with the next ones. */
const CLUSTER_ROWS = 8192;
/** How often a call may find that Redis has forgotten the script. */
const MAX_LOADS = 5;

/** What became of rows that were sent. */
interface Sent {
  readonly refused: readonly RefusedCommand[];
  /** Rows that may be stored or not. */
  readonly lost: readonly Int32Array[];
  /** Rows that were not sent. */
  readonly unsent: Int32Array;
  /** Why it ended early. */
  readonly error: unknown;
}

/**
 * Writes the rows of blocks over lanes of their own: one connection per Redis server that carries nothing but writes.
 *
 * Under the guard it does no harm to write twice: rows whose outcome nobody knows, because their connection broke, are sent again
 * once. Without it they are an error.
 */
export class RedisWriter {
  readonly #options: RedisClientOptions;
  readonly #commands: RedisConnection;
  readonly #warn: (message: string) => void;
  readonly #lanes: RedisLanes<RedisWriteLane>;
  #runsScripts = true;
  #warned = false;

  /** @param commands the connection for everything else; of a cluster it knows the nodes */
  constructor(options: RedisClientOptions, commands: RedisConnection, warn: (message: string) => void) {
    this.#options = options;
    this.#commands = commands;
    this.#warn = warn;
    this.#lanes = new RedisLanes(
      options,
      commands,
      (client, laneOptions) => new RedisWriteLane(client, laneOptions, () => new WriteReplies()),
    );
  }

  /** Writes all rows of a plan. When it settles, nothing refers to the plan's block any more. @throws StoreError */
  async write(plan: WritePlan, call?: CallOptions): Promise<void> {
    const rows = Int32Array.from({ length: plan.block.rows }, (_, row) => row);
    if (!this.#commands.isCluster) {
      await this.#writeNode(ONLY, plan, rows, call);
      return;
    }
    for (let start = 0; start < rows.length; start += CLUSTER_ROWS) {
      await this.#writeCluster(plan, rows.subarray(start, start + CLUSTER_ROWS), call);
    }
  }

  connections(): StoreConnections {
    return this.#lanes.connections();
  }

  close(): void {
    this.#lanes.close();
  }

  async #writeCluster(plan: WritePlan, rows: Int32Array, call?: CallOptions): Promise<void> {
    const byNode = rowsByNode(plan, rows, await this.#lanes.cluster(call));
    const parts = [...byNode].map(([node, part]) => this.#writeNode(node, plan, Int32Array.from(part), call));
    // Even if one fails the block is not free before all are through.
    const settled = await Promise.allSettled(parts);
    const left: number[] = [];
    for (const result of settled) {
      if (result.status === 'rejected') throw result.reason;
      left.push(...result.value);
    }
    if (left.length === 0) return;
    try {
      await writeRows(this.#commands, plan, left, call);
    } catch (error) {
      if (!plan.guarded || !(error instanceof StoreError) || !refusesScripts(causeOf(error))) throw error;
      await this.#writeCompared(plan, Int32Array.from(left), call);
    }
  }

  /** Writes rows to one server. @returns the rows that have to be written through the cluster's client */
  async #writeNode(node: string, plan: WritePlan, rows: Int32Array, call?: CallOptions): Promise<readonly number[]> {
    const { isCluster } = this.#commands;
    if (isCluster && node === ONLY) return [...rows];
    const open = this.#lanes.laneTo(node);
    const left: number[] = [];
    let rest = rows;
    let repeats = 1;
    let loads = 0;
    while (rest.length > 0) {
      if (plan.guarded && !this.#runsScripts) {
        await this.#writeCompared(plan, rest, call);
        return left;
      }
      const sent = await this.#send(open, plan, rest, call);
      const again: Int32Array[] = [];
      for (const { rows: refused, message } of sent.refused) {
        if (isCluster && REDIRECTION.test(message)) left.push(...refused);
        else if (plan.guarded && message.startsWith('NOSCRIPT') && loads < MAX_LOADS) again.push(refused);
        else if (plan.guarded && refusesScripts(message)) {
          this.#runsScripts = false;
          again.push(refused);
        } else throw refusal(open, plan, refused, message);
      }
      if (again.length > 0) {
        open.lane?.forgetScript();
        loads++;
      }
      const { error } = sent;
      const mayRepeat = plan.guarded || !(error instanceof LaneLost && error.sent);
      if (isCluster && mayRepeat && isUnreachable(error) && !this.#lanes.closed) {
        return [...left, ...concat([...again, ...sent.lost, sent.unsent])];
      }
      if (error !== undefined && !(error instanceof LaneLost && mayRepeat && repeats-- > 0)) {
        throw translateLost(open, error);
      }
      rest = concat([...again, ...sent.lost, sent.unsent]);
    }
    return left;
  }

  /** Sends rows, some parts ahead of the replies, until one is refused or the connection fails. */
  async #send(
    open: OpenLane<RedisWriteLane>,
    plan: WritePlan,
    rows: Int32Array,
    call: CallOptions | undefined,
  ): Promise<Sent> {
    const refused: RefusedCommand[] = [];
    const lost: Int32Array[] = [];
    const waiting: Promise<void>[] = [];
    let commands = 0;
    let error: unknown;
    let position = 0;
    try {
      const lane = await readyLane(open, call);
      while (position < rows.length && refused.length === 0 && error === undefined) {
        const part = plan.partAt(rows, position);
        const isMuch = (commands + part.commands) * 2 > this.#options.max_in_flight_commands;
        if (waiting.length >= WINDOW || (waiting.length > 0 && isMuch)) {
          await waiting.shift();
          continue;
        }
        position += part.rows.length;
        commands += part.commands;
        const settled = (): void => {
          commands -= part.commands;
        };
        const work = lane.write(part, call).then(
          (some) => {
            settled();
            refused.push(...some);
          },
          (reason: unknown) => {
            settled();
            // That something was sent matters more than that the rest could not be.
            if (error === undefined || (reason instanceof LaneLost && reason.sent)) error = reason;
            lost.push(part.rows);
          },
        );
        waiting.push(work);
      }
    } catch (reason) {
      error ??= reason;
    }
    await Promise.all(waiting);
    return { refused, lost, unsent: rows.subarray(position), error };
  }

  async #writeCompared(plan: WritePlan, rows: Int32Array, call?: CallOptions): Promise<void> {
    await writeRowsCompared(this.#commands, plan, rows, this.#options.max_pipeline_keys, call);
    if (this.#warned) return;
    this.#warned = true;
    this.#warn(
      'Redis lets this user run no scripts (EVAL, EVALSHA): event times are compared before a write, not with it, and of two writers ' +
        'of one row at the same moment the later one wins.',
    );
  }
}

/** The error for rows that Redis did not take. */
function refusal(
  { connection }: OpenLane<RedisWriteLane>,
  plan: WritePlan,
  rows: Int32Array,
  message: string,
): StoreError {
  const failed = failedRowFrom(message);
  const row = plan.rowNumber(rows[failed?.position ?? 0] ?? 0);
  const reason = connection.translate(new Error(failed?.message ?? message));
  const text = `Row ${row} of ${describeTable(plan.table)} was not written: ${reason.message}`;
  return new StoreError(reason.code, text, {
    ...(reason.hint !== undefined && { hint: reason.hint }),
    cause: reason.cause,
  });
}

function causeOf({ cause }: StoreError): string {
  return cause instanceof Error ? cause.message : '';
}

function rowsByNode(plan: WritePlan, rows: Int32Array, client: Cluster): Map<string, number[]> {
  const byNode = new Map<string, number[]>();
  for (const row of rows) {
    const node = client.slots[slotOf(plan.keyOf(row))]?.[0] ?? ONLY;
    const known = byNode.get(node);
    if (known === undefined) byNode.set(node, [row]);
    else known.push(row);
  }
  return byNode;
}

function concat(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
