import type { EntityKeyVersion } from '../encoding/entity-key.ts';
import type { AccessControl } from '../registry/access/access-rules.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { CallOptions, OnlineStore, TableRead } from '../stores/online-store.ts';
import { RowBlock } from '../stores/row-block.ts';
import { encodeAnswer } from './answer.ts';
import { withDerivedColumns } from './derived-columns.ts';
import { assertEchoable } from './echoed-values.ts';
import { entityKeysOf } from './entity-keys.ts';
import { type JudgedBlock, judgeBlock } from './judge.ts';
import { readOlderKeys } from './older-keys.ts';
import type { Plan } from './plan.ts';
import { PlanCache } from './plan-cache.ts';
import { readPrecomputed } from './precomputed.ts';
import { ReadGate } from './read-gate.ts';
import { type OnlineFeaturesRequest, parseOnlineFeaturesRequest } from './request.ts';
import { assertRows } from './request-limits.ts';
import type { ServedCall } from './served-call.ts';
import { ServingError } from './serving-error.ts';
import type { ServingObserver } from './serving-observer.ts';
import type { ServingPolicy } from './serving-policy.ts';
import { type ReadTables, readTables } from './table-reader.ts';

export interface OnlineFeaturesOptions {
  /** The registry as it is now. Called once per request; never waits. */
  readonly registry: () => RegistrySnapshot;
  readonly store: OnlineStore;
  readonly policy: ServingPolicy;
  /** What callers may read; without it everything. */
  readonly access?: AccessControl | undefined;
  /** Milliseconds since the Unix epoch, for TTL. */
  readonly now?: () => number;
  /** Why the store is not to be asked now, if it is not: a request that would wait for its turn fails at once. */
  readonly refusal?: (() => Error | undefined) | undefined;
  /** Told what happens, to measure it. */
  readonly observer?: ServingObserver | undefined;
}

/** Counters that grow for the life of the process. */
export interface ServingCounters {
  /** Rows that were found only under their older (v2) entity key. */
  readonly olderKeyHits: number;
  readonly plansCompiled: number;
  /** Requests that had to wait for their turn to read. */
  readonly delayedReads: number;
}

/** `GetOnlineFeatures`: serialized request in, serialized answer out. Knows no transport; every transport answers from here. */
export class OnlineFeatures {
  readonly #registry: () => RegistrySnapshot;
  readonly #store: OnlineStore;
  readonly #policy: ServingPolicy;
  /** The policy for what was read: where rows have no event time, nothing is too old. */
  readonly #judging: ServingPolicy;
  readonly #access: AccessControl | undefined;
  readonly #now: () => number;
  readonly #plans: PlanCache;
  readonly #gate: ReadGate;
  readonly #refusal: (() => Error | undefined) | undefined;
  readonly #observer: ServingObserver | undefined;
  #olderKeyHits = 0;

  constructor(options: OnlineFeaturesOptions) {
    this.#registry = options.registry;
    this.#store = options.store;
    this.#policy = options.policy;
    this.#access = options.access;
    const hasTimes = options.store.capabilities.eventTimes ?? true;
    this.#judging = hasTimes ? options.policy : { ...options.policy, ttl: 'ignore' };
    this.#now = options.now ?? Date.now;
    this.#plans = new PlanCache(options.policy);
    this.#refusal = options.refusal;
    this.#gate = new ReadGate({
      bytes: options.policy.maxPendingBytes,
      maxAgeMs: options.policy.maxQueueAgeMs,
      refusal: options.refusal,
    });
    this.#observer = options.observer;
  }

  counters(): ServingCounters {
    return { olderKeyHits: this.#olderKeyHits, plansCompiled: this.#plans.compiled, delayedReads: this.#gate.delayed };
  }

  /** Requests that wait for their turn to read, and the bytes of answers that are being read for. */
  underWay(): { readonly waiting: number; readonly bytes: number } {
    return this.#gate.underWay();
  }

  /**
   * @param message a serialized `feast.serving.GetOnlineFeaturesRequest`
   * @returns a serialized `feast.serving.GetOnlineFeaturesResponse`
   * @throws ServingError what is wrong with the request, or with a stored value
   * @throws AccessError the caller may not read what is asked for
   * @throws StoreError the store failed; that is never reported as a missing value
   */
  async getOnlineFeatures(message: Uint8Array, call: ServedCall = {}): Promise<Uint8Array> {
    const request = parseOnlineFeaturesRequest(message, this.#policy);
    const registry = this.#registry();
    const plan = this.#plans.planFor(request, registry);
    this.#access?.assertAllowed(registry, plan.resources, 'READ_ONLINE', call.caller);
    const rows = countRows(request);
    assertRows(rows, plan.asked.features, this.#policy);
    assertEchoable(plan, request);
    call.observer?.asked(plan.asked, rows, registry);
    // The store keeps the deadline from here on; nothing else waits.
    if (call.deadline !== undefined && call.deadline <= Date.now()) {
      throw new ServingError('DEADLINE_EXCEEDED', "The caller's deadline passed before the store was read.", {
        hint: 'Give the call more time.',
      });
    }
    const refusal = this.#refusal?.();
    if (refusal !== undefined) throw refusal;
    const expected = Math.ceil(rows * plan.load.bytesPerRow);
    const turn = this.#gate.enter(expected, call);
    if (turn !== undefined) await turn;
    try {
      const judged = await this.#read(plan, request, rows, call);
      const answer = encodeAnswer(plan, request, rows, judged, call);
      this.#observer?.answered(plan, judged, rows, this.#now());
      call.observer?.answered(judged, rows);
      for (const { block } of judged) block.release();
      learnLoad(plan, answer.length, rows);
      return answer;
    } finally {
      this.#gate.leave(expected);
    }
  }

  async #read(
    plan: Plan,
    request: OnlineFeaturesRequest,
    rows: number,
    call: ServedCall,
  ): Promise<readonly JudgedBlock[]> {
    const store = this.#store;
    const policy = this.#policy;
    const read: ReadTables = (reads, version) => this.#readTables(reads, call, version);
    const source = withDerivedColumns(request, plan.derived, rows);
    const keys = plan.keyGroups.map((group) => entityKeysOf(group, source, rows, policy));
    if (plan.precomputed !== undefined) {
      const judged = await readPrecomputed(read, plan, plan.precomputed, keys[0] ?? [], this.#now());
      if (judged !== undefined) return judged;
    }
    const reads = plan.tables.map(({ table, features, keyGroup }): TableRead => {
      const tableKeys = keys[keyGroup] ?? [];
      return { table, keys: tableKeys, features, block: new RowBlock(tableKeys.length, features.length) };
    });
    if (rows > 0) {
      await read(reads);
      if (policy.entityKeyFallback === 'v2') {
        const remake = store.readMany !== undefined;
        this.#olderKeyHits += await readOlderKeys(read, remake, plan, source, rows, reads, policy);
      }
    }
    const now = this.#now();
    return plan.tables.map((table, index) => {
      const block = reads[index]?.block ?? new RowBlock(0, table.features.length);
      const constant = plan.keyGroups[table.keyGroup]?.columns.length === 0;
      return judgeBlock(table, block, constant, now, this.#judging, store.capabilities.feastPython);
    });
  }

  async #readTables(reads: readonly TableRead[], call: ServedCall, version?: EntityKeyVersion): Promise<void> {
    const reading = call.observer?.reading(reads);
    const observer = this.#observer;
    const start = observer === undefined ? 0 : performance.now();
    try {
      await readTables(
        this.#store,
        reads,
        version === undefined ? call : { ...limitsOf(call), entityKeyVersion: version },
      );
    } catch (error) {
      reading?.ended(error);
      observer?.storeRead(performance.now() - start, error);
      throw error;
    }
    reading?.ended(undefined);
    observer?.storeRead(performance.now() - start, undefined);
  }
}

/** What a store is told of a call, apart from the call, which may have more to it. */
function limitsOf({ deadline, signal, trace }: ServedCall): CallOptions {
  return {
    ...(deadline === undefined ? {} : { deadline }),
    ...(signal === undefined ? {} : { signal }),
    ...(trace === undefined ? {} : { trace }),
  };
}

/** The largest of the last answers, more or less: one that turns out larger than was expected is memory that nobody counted. */
function learnLoad({ load }: Plan, bytes: number, rows: number): void {
  if (rows > 0) load.bytesPerRow = Math.max(bytes / rows, load.bytesPerRow * LOAD_DECAY);
}

const LOAD_DECAY = 0.95;

/**
 * How many rows the request asks for: the length of its columns, which must agree; one where nothing but entity-less views
 * is asked for without a column.
 */
function countRows(request: OnlineFeaturesRequest): number {
  const columns = [...request.entities, ...request.requestContext];
  const first = columns[0];
  if (first === undefined) return 1;
  const { rows } = first;
  const uneven = columns.find((column) => column.rows !== rows);
  if (uneven !== undefined) {
    throw new ServingError(
      'UNEVEN_COLUMNS',
      `Column "${first.name}" has ${rows} rows, but column "${uneven.name}" has ${uneven.rows}.`,
      { hint: 'Send one value per entity in every column.' },
    );
  }
  return rows;
}
