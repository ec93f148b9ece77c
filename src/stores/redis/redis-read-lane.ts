import type { Redis } from 'ioredis';
import { limitPassed } from '../call-limits.ts';
import type { CallOptions, TableRead } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import { LaneOutput } from './redis-lane-output.ts';
import { takeSocketOver } from './redis-lane-socket.ts';
import { corruptTime, type ReadGroup } from './redis-read-groups.ts';
import { type ExpectedReplies, RedisReplyScanner } from './redis-reply-scanner.ts';

/** How often deadlines, callers that went away and silence are looked at while replies are waited for, in milliseconds. */
const SWEEP_MS = 10;

export interface ReadLaneOptions {
  /** A connection that is silent for so long while it owes replies is given up, in milliseconds. */
  readonly silenceMs: number;
  /** Rows that may be asked for and not answered yet; what would exceed it fails at once instead of queueing. */
  readonly maxInFlight: number;
  /** For error messages. */
  readonly doing: string;
}

/** A row that Redis refused to read, and what it said. */
export interface RefusedRow {
  readonly group: ReadGroup;
  readonly row: number;
  readonly message: string;
}

/**
 * A lane lost its connection while it owed replies; the read may be sent again on the next one. The message is what Redis said
 * before it hung up, if that was about the connection.
 */
export class LaneLost extends Error {}

/** Redis takes the connection, says this to whatever comes, and hangs up. */
const NO_MORE_CLIENTS = /^ERR max number of clients reached/;

/**
 * A connection to one Redis server on which nothing but reads travel, so that replies can be scanned in place.
 *
 * The client library connects it, with everything that takes: authentication, TLS, sentinels, the database number,
 * reconnecting. Once it is ready the lane takes the socket's bytes over, and the library sends nothing on it any more.
 */
export class RedisReadLane {
  readonly #client: Redis;
  readonly #options: ReadLaneOptions;
  #socket: Redis['stream'] | undefined;
  #scanner = new RedisReplyScanner();
  #pending = new Set<PendingRead>();
  #sweep: NodeJS.Timeout | undefined;
  #heardAt = 0;
  #inFlight = 0;
  #output: LaneOutput | undefined;
  /** Why Redis hung up last, until it answers again. */
  #lastWords: string | undefined;

  /** @param client a client that was made for this lane alone */
  constructor(client: Redis, options: ReadLaneOptions) {
    this.#client = client;
    this.#options = options;
    client.on('ready', () => this.#takeOver());
    if (client.status === 'ready') this.#takeOver();
  }

  get ready(): boolean {
    return this.#socket !== undefined;
  }

  /**
   * Sends one HMGET per row and fills the blocks.
   * @returns the rows that Redis refused
   * @throws StoreError `STORE_TIMEOUT`, `STORE_OVERLOADED`, `STORE_CORRUPT`
   * @throws LaneLost when the connection broke
   */
  read(groups: readonly ReadGroup[], call?: CallOptions): Promise<readonly RefusedRow[]> {
    const output = this.#output;
    if (this.#socket === undefined || output === undefined) return Promise.reject(this.#lost());
    const now = Date.now();
    const late = call === undefined ? undefined : limitPassed(call, now, this.#options.doing);
    if (late !== undefined) return Promise.reject(late);
    const rows = groups.reduce((sum, group) => sum + group.count, 0);
    if (this.#inFlight + rows > this.#options.maxInFlight) {
      return Promise.reject(
        new StoreError('STORE_OVERLOADED', `${this.#inFlight} commands are unanswered while ${this.#options.doing}.`, {
          hint: 'It is slower than what is asked of it; see sideboard.redis.max_in_flight_commands.',
        }),
      );
    }
    this.#inFlight += rows;
    return new Promise((resolve, reject) => {
      const pending = new PendingRead(groups, call, resolve, reject, (ended, answered) => {
        this.#pending.delete(ended);
        if (!answered) return;
        // Counted until they are really answered: a caller that stops waiting does not shorten the queue.
        this.#inFlight -= rows;
        this.#lastWords = undefined;
      });
      if (this.#scanner.waiting === 0) this.#heardAt = now;
      this.#pending.add(pending);
      this.#scanner.expect(pending);
      output.send(groups);
      this.#sweep ??= setInterval(() => this.#look(), SWEEP_MS);
    });
  }

  /** Ends the connection at once, and what waits on it; for good when the client does not connect again. */
  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
    this.#give(this.#scanner, this.#lost());
    socket?.destroy();
  }

  #takeOver(): void {
    const socket = this.#client.stream;
    this.#inFlight = 0;
    this.#scanner = new RedisReplyScanner();
    this.#socket = socket;
    this.#output = new LaneOutput(socket);
    const scanner = this.#scanner;
    const scanning = (scan: () => void): void => {
      this.#heardAt = Date.now();
      try {
        scan();
      } catch (error) {
        this.#note(scanner.unasked);
        this.#give(scanner, error);
        socket.destroy();
      }
    };
    takeSocketOver(socket, {
      room: () => scanner.room(),
      received: (count) => scanning(() => scanner.received(count)),
      push: (chunk) => scanning(() => scanner.push(chunk)),
    });
    socket.once('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
      for (const pending of this.#pending) this.#note(pending.firstRefusal);
      this.#give(scanner, this.#lost());
    });
  }

  /** Ends whatever still waits on a connection that is of no more use. */
  #give(scanner: RedisReplyScanner, error: unknown): void {
    for (const expected of scanner.abandon()) if (expected instanceof PendingRead) expected.fail(error);
  }

  #note(said: string | undefined): void {
    if (said !== undefined && NO_MORE_CLIENTS.test(said)) this.#lastWords = said.trim();
  }

  #lost(): LaneLost {
    return new LaneLost(this.#lastWords);
  }

  /**
   * Deadlines are looked at together, every few milliseconds, rather than with a timer per read: at thousands of reads a
   * second the timers would cost more than the reads.
   */
  #look(): void {
    const now = Date.now();
    for (const pending of this.#pending) {
      const error = pending.call === undefined ? undefined : limitPassed(pending.call, now, this.#options.doing);
      if (error !== undefined) pending.fail(error);
    }
    // If it was this process that stood still, the replies lie unread: they are taken in before the next immediate.
    if (this.#isSilent(now)) setImmediate(() => this.#giveUpSilent());
    if (this.#scanner.waiting > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  #isSilent(now: number): boolean {
    return this.#scanner.waiting > 0 && now - this.#heardAt > this.#options.silenceMs;
  }

  #giveUpSilent(): void {
    if (!this.#isSilent(Date.now())) return;
    const { silenceMs, doing } = this.#options;
    this.#give(this.#scanner, new StoreError('STORE_TIMEOUT', `No answer within ${silenceMs} ms while ${doing}.`));
    this.#socket?.destroy();
  }
}

/** One call's replies. It settles once; replies that come later are scanned all the same, to stay in step. */
class PendingRead implements ExpectedReplies {
  readonly groups: readonly ReadGroup[];
  readonly call: CallOptions | undefined;
  readonly #resolve: (refused: readonly RefusedRow[]) => void;
  readonly #reject: (error: unknown) => void;
  readonly #ended: (self: PendingRead, answered: boolean) => void;
  #refused: RefusedRow[] | undefined;
  #corrupt: StoreError | undefined;

  constructor(
    groups: readonly ReadGroup[],
    call: CallOptions | undefined,
    resolve: (refused: readonly RefusedRow[]) => void,
    reject: (error: unknown) => void,
    ended: (self: PendingRead, answered: boolean) => void,
  ) {
    this.groups = groups;
    this.call = call;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#ended = ended;
  }

  refused(group: ReadGroup, row: number, message: string): void {
    this.#refused ??= [];
    this.#refused.push({ group, row, message });
  }

  get firstRefusal(): string | undefined {
    return this.#refused?.[0]?.message;
  }

  corruptTime(read: TableRead, row: number): void {
    this.#corrupt ??= corruptTime(read, row);
  }

  done(): void {
    this.#ended(this, true);
    if (this.#corrupt === undefined) this.#resolve(this.#refused ?? NONE);
    else this.#reject(this.#corrupt);
  }

  fail(error: unknown): void {
    this.#ended(this, false);
    this.#reject(error);
  }
}

const NONE: readonly RefusedRow[] = [];
