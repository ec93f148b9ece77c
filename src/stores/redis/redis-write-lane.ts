import type { CallOptions } from '../online-store.ts';
import { LaneCall, RedisLane } from './redis-lane.ts';
import { ERROR, INCOMPLETE, LaneReplies, unexpected } from './redis-lane-replies.ts';
import { SCRIPT_BYTES, type WritePart } from './redis-write-plan.ts';

const INTEGER = 0x3a; // :

/** Rows of a command that Redis refused, and what it said. */
export interface RefusedCommand {
  readonly rows: Int32Array;
  readonly message: string;
}

/** A lane that carries writes. */
export class RedisWriteLane extends RedisLane<PendingWrite> {
  /** The connection on which Redis was told the script. */
  #knowing: object | undefined;

  /**
   * Sends the commands of a part. When it settles, the part's block is not needed any more.
   * @returns the commands that Redis refused
   * @throws StoreError `STORE_TIMEOUT`, `STORE_OVERLOADED`, `STORE_CORRUPT`
   * @throws LaneLost when the connection broke
   */
  write(part: WritePart, call?: CallOptions): Promise<readonly RefusedCommand[]> {
    const refusal = this.refusal(part.commands, call);
    if (refusal !== undefined) return Promise.reject(refusal);
    const withScript = part.plan.guarded && this.#knowing !== this.connection;
    // Redis carries commands out in their order: those behind this one find the script.
    if (part.plan.guarded) this.#knowing = this.connection;
    return new Promise((resolve, reject) => this.submit(new PendingWrite(part, withScript, call, resolve, reject)));
  }

  /** Redis does not know the script (any more): the next call brings it along. */
  forgetScript(): void {
    this.#knowing = undefined;
  }
}

/** The commands of a part. */
export class PendingWrite extends LaneCall {
  readonly #part: WritePart;
  readonly #withScript: boolean;
  readonly #resolve: (refused: readonly RefusedCommand[]) => void;
  readonly #refused: RefusedCommand[] = [];

  constructor(
    part: WritePart,
    withScript: boolean,
    call: CallOptions | undefined,
    resolve: (refused: readonly RefusedCommand[]) => void,
    reject: (error: unknown) => void,
  ) {
    super(part.commands, call, reject);
    this.#part = part;
    this.#withScript = withScript;
    this.#resolve = resolve;
  }

  override get firstRefusal(): string | undefined {
    return this.#refused[0]?.message;
  }

  override commandBytes(): number {
    return this.#part.bytes + (this.#withScript ? SCRIPT_BYTES : 0);
  }

  override writeCommands(out: Buffer, start: number): number {
    return this.#part.plan.writeCommands(this.#part, this.#withScript, out, start);
  }

  /** Redis answered a command with an error. The others are still answered. */
  refused(command: number, message: string): void {
    this.#refused.push({ rows: this.#part.plan.rowsOfCommand(this.#part, command), message });
  }

  protected override settle(): undefined {
    this.#resolve(this.#refused);
  }
}

/** Counts the replies to writes, each a number or an error. */
export class WriteReplies extends LaneReplies<PendingWrite> {
  /** Commands of the first expectation that are answered. */
  #answered = 0;

  protected override step(expected: PendingWrite): boolean {
    if (this.pos === this.end) return false;
    const kind = this.data[this.pos];
    if (kind === INTEGER) {
      if (this.number() === INCOMPLETE) return false;
    } else if (kind === ERROR) {
      const message = this.error();
      if (message === undefined) return false;
      expected.refused(this.#answered, message);
    } else throw unexpected(`a reply that begins with byte ${kind}`);
    if (++this.#answered === expected.commands) {
      this.#answered = 0;
      this.finish(expected);
    }
    return true;
  }
}
