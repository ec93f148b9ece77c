import type { Redis } from 'ioredis';
import { Roster, type RosterMember } from '../../encoding/roster.ts';
import { limitPassed } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import { type LaneCommands, LaneOutput } from './redis-lane-output.ts';
import type { Expectation, LaneReplies } from './redis-lane-replies.ts';
import { takeSocketOver } from './redis-lane-socket.ts';

/**
 * How often deadlines, callers that went away and silence are looked at while replies are waited for, in milliseconds. The nearest
 * deadline that is known is not waited beyond.
 */
const SWEEP_MS = 10;

export interface LaneOptions {
  /** A connection that is silent for so long while it owes replies is given up, in milliseconds. */
  readonly silenceMs: number;
  /** Commands that may be sent and not answered yet; what would exceed it fails at once instead of queueing. */
  readonly maxInFlight: number;
  /** For error messages. */
  readonly doing: string;
}

/**
 * A lane lost its connection, or has none. The message is what Redis said before it hung up, if that was about the connection.
 */
export class LaneLost extends Error {
  /** Whether the commands had been sent: then nobody knows whether Redis has carried them out. */
  readonly sent: boolean;

  constructor(message: string | undefined, sent: boolean) {
    super(message);
    this.sent = sent;
  }
}

/** What Redis says to whatever comes on a connection, until it hangs up: it lets nobody else in, or nobody without a password. */
const CONNECTION_REFUSED = /^ERR max number of clients reached|^NOAUTH|^ERR Protocol error: unauthenticated/;

/**
 * A connection to one Redis server on which nothing but the commands of a lane travel, so that they can be laid into reused memory and
 * their replies be scanned in place.
 *
 * The client library connects it, with everything that takes: authentication, TLS, sentinels, the database number,
 * reconnecting. Once it is ready the lane takes the socket's bytes over, and the library sends nothing on it any more.
 */
export class RedisLane<C extends LaneCall> {
  readonly #client: Redis;
  readonly #options: LaneOptions;
  readonly #createReplies: () => LaneReplies<C>;
  #socket: Redis['stream'] | undefined;
  #replies: LaneReplies<C>;
  readonly #pending = new Roster<LaneCall>();
  #sweep: NodeJS.Timeout | undefined;
  #heardAt = 0;
  #inFlight = 0;
  #output: LaneOutput | undefined;
  /** Why Redis hung up last, until it answers again. */
  #lastWords: string | undefined;

  /** @param client a client that was made for this lane alone */
  constructor(client: Redis, options: LaneOptions, createReplies: () => LaneReplies<C>) {
    this.#client = client;
    this.#options = options;
    this.#createReplies = createReplies;
    this.#replies = createReplies();
    client.on('ready', () => this.#takeOver());
    if (client.status === 'ready') this.#takeOver();
  }

  get ready(): boolean {
    return this.#socket !== undefined;
  }

  /** Replies are owed. */
  get busy(): boolean {
    return this.#replies.waiting > 0;
  }

  /** Stands for the present connection. */
  protected get connection(): object | undefined {
    return this.#socket;
  }

  /** Why a call of so many commands cannot be sent now, if it cannot: {@link LaneLost}, `STORE_TIMEOUT`, `STORE_OVERLOADED`. */
  protected refusal(commands: number, call: CallOptions | undefined): Error | undefined {
    if (this.#socket === undefined) return new LaneLost(this.#lastWords, false);
    const { doing, maxInFlight } = this.#options;
    const late = call === undefined ? undefined : limitPassed(call, Date.now(), doing);
    if (late !== undefined || this.#inFlight + commands <= maxInFlight) return late;
    return new StoreError('STORE_OVERLOADED', `${this.#inFlight} commands are unanswered while ${doing}.`, {
      hint: 'Redis cannot keep up with the calls; see sideboard.redis.max_in_flight_commands.',
    });
  }

  /** Sends a call's commands, unless {@link refusal} speaks against it. The call is told how it went. */
  protected submit(pending: C): void {
    pending.ended = this.#ended;
    this.#inFlight += pending.commands;
    if (this.#replies.waiting === 0) this.#heardAt = Date.now();
    this.#pending.add(pending);
    this.#replies.expect(pending);
    this.#output?.send(pending);
    this.#sweep ??= setTimeout(this.#look, SWEEP_MS);
  }

  /** Ends the connection at once, and what waits on it; for good when the client does not connect again. */
  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
    this.#give(this.#replies, this.#lost());
    socket?.destroy();
  }

  readonly #ended = (pending: LaneCall, answered: boolean): void => {
    this.#pending.delete(pending);
    if (!answered) return;
    // Counted until they are really answered: a caller that stops waiting does not shorten the queue.
    this.#inFlight -= pending.commands;
    this.#lastWords = undefined;
    this.#note(pending.firstRefusal);
    // It may not hang up by itself, and the next connection may bring the password: a file that it stands in was empty for a moment.
    if (this.#lastWords !== undefined) this.#socket?.destroy();
  };

  #takeOver(): void {
    const socket = this.#client.stream;
    this.#inFlight = 0;
    this.#replies = this.#createReplies();
    this.#socket = socket;
    this.#output = new LaneOutput(socket);
    const replies = this.#replies;
    const scanning = (scan: () => void): void => {
      this.#heardAt = Date.now();
      try {
        scan();
      } catch (error) {
        this.#note(replies.unasked);
        this.#give(replies, error);
        socket.destroy();
      }
    };
    takeSocketOver(socket, {
      room: () => replies.room(),
      received: (count) => scanning(() => replies.received(count)),
      push: (chunk) => scanning(() => replies.push(chunk)),
    });
    socket.once('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
      for (const pending of this.#pending) this.#note(pending.firstRefusal);
      this.#give(replies, this.#lost());
    });
  }

  /** Fails whatever still waits on a connection that is not used any more. */
  #give(replies: LaneReplies<C>, error: unknown): void {
    for (const pending of replies.abandon()) pending.fail(error);
  }

  #note(said: string | undefined): void {
    if (said !== undefined && CONNECTION_REFUSED.test(said)) this.#lastWords = said.trim();
  }

  #lost(): LaneLost {
    return new LaneLost(this.#lastWords, true);
  }

  /**
   * Deadlines are looked at together, every few milliseconds, rather than with a timer per call: at thousands of calls a
   * second the timers would cost more than the calls.
   */
  readonly #look = (): void => {
    const now = Date.now();
    let nextMs = SWEEP_MS;
    for (const pending of this.#pending) {
      const { call } = pending;
      if (call === undefined) continue;
      const error = limitPassed(call, now, this.#options.doing);
      if (error !== undefined) pending.fail(error);
      else if (call.deadline !== undefined) nextMs = Math.min(nextMs, call.deadline - now);
    }
    // If it was this process that stood still, the replies lie unread: they are taken in before the next immediate.
    if (this.#isSilent(now)) setImmediate(() => this.#giveUpSilent());
    this.#sweep = this.#replies.waiting > 0 ? setTimeout(this.#look, nextMs) : undefined;
  };

  #isSilent(now: number): boolean {
    return this.#replies.waiting > 0 && now - this.#heardAt > this.#options.silenceMs;
  }

  #giveUpSilent(): void {
    if (!this.#isSilent(Date.now())) return;
    const { silenceMs, doing } = this.#options;
    this.#give(this.#replies, new StoreError('STORE_TIMEOUT', `No answer within ${silenceMs} ms while ${doing}.`));
    this.#socket?.destroy();
  }
}

/** One call's commands and replies. It settles once; replies that come later are scanned all the same, to stay in step. */
export abstract class LaneCall implements LaneCommands, Expectation, RosterMember {
  /** Part of {@link RosterMember}. */
  place = -1;
  readonly call: CallOptions | undefined;
  /** How many commands it sends. */
  readonly commands: number;
  /** Set by the lane. */
  ended: (self: LaneCall, answered: boolean) => void = () => {};
  readonly #reject: (error: unknown) => void;

  constructor(commands: number, call: CallOptions | undefined, reject: (error: unknown) => void) {
    this.commands = commands;
    this.call = call;
    this.#reject = reject;
  }

  /** What Redis said to the first command that it refused. */
  abstract get firstRefusal(): string | undefined;

  abstract commandBytes(): number;

  abstract writeCommands(out: Buffer, start: number): number;

  done(): void {
    this.ended(this, true);
    const failure = this.settle();
    if (failure !== undefined) this.#reject(failure);
  }

  fail(error: unknown): void {
    this.ended(this, false);
    this.#reject(error);
  }

  /** All replies have come: resolves the call's promise, or gives the error that it is to be rejected with. */
  protected abstract settle(): Error | undefined;
}
