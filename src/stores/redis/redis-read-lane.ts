import type { CallOptions, TableRead } from '../online-store.ts';
import type { StoreError } from '../store-error.ts';
import { LaneCall, RedisLane } from './redis-lane.ts';
import { corruptTime, type ReadGroup, sizeOfReads, writeReads } from './redis-read-groups.ts';
import type { ExpectedReplies } from './redis-reply-scanner.ts';

/** A row that Redis refused to read, and what it said. */
export interface RefusedRow {
  readonly group: ReadGroup;
  readonly row: number;
  readonly message: string;
}

/** A lane that carries reads. */
export class RedisReadLane extends RedisLane<PendingRead> {
  /**
   * Sends one HMGET per row and fills the blocks.
   * @returns the rows that Redis refused
   * @throws StoreError `STORE_TIMEOUT`, `STORE_OVERLOADED`, `STORE_CORRUPT`
   * @throws LaneLost when the connection broke; the read may be sent again on the next one
   */
  read(groups: readonly ReadGroup[], call?: CallOptions): Promise<readonly RefusedRow[]> {
    const rows = groups.reduce((sum, group) => sum + group.count, 0);
    const refusal = this.refusal(rows, call);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => this.submit(new PendingRead(groups, rows, call, resolve, reject)));
  }
}

/** One call's reads. */
export class PendingRead extends LaneCall implements ExpectedReplies {
  readonly groups: readonly ReadGroup[];
  readonly #resolve: (refused: readonly RefusedRow[]) => void;
  #refused: RefusedRow[] | undefined;
  #corrupt: StoreError | undefined;

  constructor(
    groups: readonly ReadGroup[],
    rows: number,
    call: CallOptions | undefined,
    resolve: (refused: readonly RefusedRow[]) => void,
    reject: (error: unknown) => void,
  ) {
    super(rows, call, reject);
    this.groups = groups;
    this.#resolve = resolve;
  }

  override get firstRefusal(): string | undefined {
    return this.#refused?.[0]?.message;
  }

  override commandBytes(): number {
    return sizeOfReads(this.groups);
  }

  override writeCommands(out: Buffer, start: number): number {
    return writeReads(this.groups, out, start);
  }

  refused(group: ReadGroup, row: number, message: string): void {
    this.#refused ??= [];
    this.#refused.push({ group, row, message });
  }

  corruptTime(read: TableRead, row: number): void {
    this.#corrupt ??= corruptTime(read, row);
  }

  protected override settle(): StoreError | undefined {
    if (this.#corrupt === undefined) this.#resolve(this.#refused ?? NONE);
    return this.#corrupt;
  }
}

const NONE: readonly RefusedRow[] = [];
