import type { TraceContext } from '../../encoding/trace-context.ts';
import type { Caller } from '../../registry/access/caller.ts';
import type { CallObserver } from '../../serving/call-observer.ts';
import type { CallMarks, PeerKind } from '../../serving/served-call.ts';
import { TransportError } from '../transport-error.ts';
import { traceOf } from './call-marks.ts';
import type { MessageSource } from './message-queue.ts';
import type { StreamCall, StreamMethod } from './service-table.ts';

/** What a streaming call needs of the server library that carries it. */
export interface StreamWire {
  /** A message was taken from the source: the client may send more. */
  taken(): void;
  /** Sends a message; {@link StreamedCall.sent} is called when it has left, and until then no other is sent. */
  write(message: Uint8Array): void;
  /** Takes the message back that was written, if nothing of it has left. @returns whether that is so */
  takeBack(): boolean;
  /** Ends the call behind what has left: with success, or with a failure that the client is to be told. */
  end(failure: { readonly error: unknown } | undefined): void;
  /** The method has settled. */
  settled(): void;
}

export interface StreamedCallOptions {
  readonly method: StreamMethod;
  readonly source: MessageSource;
  readonly wire: StreamWire;
  /** Milliseconds since the Unix epoch; infinite where the client set none. */
  readonly deadline: number;
  /** How long the call may wait for its client. */
  readonly idleMs: number;
  readonly marks: CallMarks | undefined;
  readonly peer: PeerKind;
  /** Stands for the connection. */
  readonly connection: unknown;
  /** Told of the failure that the call ends with. */
  readonly onFailure: (error: unknown) => void;
}

interface Outgoing {
  readonly message: Uint8Array;
  readonly left: () => void;
}

/** What the iterator of messages gives; unpacking a message takes a while. */
type Read = IteratorResult<Uint8Array, undefined> | Promise<IteratorResult<Uint8Array, undefined>>;

interface Reading {
  resolve(result: Read): void;
  reject(error: unknown): void;
}

const DONE = { done: true, value: undefined } as const;

/**
 * A streaming call, apart from what carries it: hands messages to the method as it asks for them, sends its answers one behind the
 * other, and knows when the call is over. It ends exactly once: when the method settles, by a failure from outside, or because the
 * client left first.
 */
export class StreamedCall implements StreamCall {
  readonly messages: AsyncIterable<Uint8Array>;
  readonly marks: CallMarks | undefined;
  readonly peer: PeerKind;
  readonly connection: unknown;
  trace: TraceContext | undefined;
  observer: CallObserver | undefined;
  readonly #options: StreamedCallOptions;
  readonly #caller = new AbortController();
  readonly #outgoing: Outgoing[] = [];
  /** Who calls, once that is known. */
  caller: Caller | undefined;
  #reading: Reading | undefined;
  #requestEnded = false;
  #complete = false;
  #draining = false;
  #running = false;
  /** How it is to end, as soon as what was written has left. */
  #ending: { readonly failure: { readonly error: unknown } | undefined } | undefined;
  /** The answers are all on their way, or never will be. */
  #over = false;
  /** Since when the client is waited for, or the call is over. */
  #since = Number.POSITIVE_INFINITY;

  constructor(options: StreamedCallOptions) {
    this.#options = options;
    this.marks = options.marks;
    this.peer = options.peer;
    this.connection = options.connection;
    this.trace = traceOf(options.marks);
    const iterator = { next: () => this.#next() };
    this.messages = { [Symbol.asyncIterator]: () => iterator };
  }

  get isComplete(): boolean {
    return this.#complete;
  }

  get signal(): AbortSignal {
    return this.#caller.signal;
  }

  /** The method runs, although the call may be over. */
  get isRunning(): boolean {
    return this.#running;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** When the call is to be ended from outside, in milliseconds since the Unix epoch. A call that is over had its time. */
  get expiresAt(): number {
    const { deadline, idleMs } = this.#options;
    return Math.min(deadline, this.#over ? this.#since : this.#since + idleMs);
  }

  /** Goes on when it is known who calls, and ends where that is nobody who may. */
  admitAs(admission: Caller | Promise<Caller> | undefined, goOn: () => void): void {
    const admit = (caller: Caller | undefined): void => {
      this.caller = caller;
      goOn();
    };
    if (admission instanceof Promise) admission.then(admit, (error: unknown) => this.abandon(error));
    else admit(admission);
  }

  /** Runs the method. */
  run(): void {
    if (this.#over) return;
    this.#running = true;
    const { method } = this.#options;
    // One promise chain for whatever the method does: what it throws at once arrives as a rejection.
    Promise.resolve()
      .then(() => method.stream(this))
      .then(
        () => this.#settle(undefined),
        (error: unknown) => this.#settle({ error }),
      );
  }

  send(message: Uint8Array): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((left) => {
      this.#outgoing.push({ message, left });
      if (this.#outgoing.length === 1) this.#write();
    });
  }

  /** The source has more, if only a part of a message. */
  arrived(): void {
    const reading = this.#reading;
    if (reading === undefined) return;
    this.#since = Date.now();
    const result = this.#look(reading);
    if (result === undefined) return;
    this.#reading = undefined;
    this.#since = this.#outgoing.length > 0 ? this.#since : Number.POSITIVE_INFINITY;
    reading.resolve(result);
  }

  /** The client has ended its side. */
  requestEnded(): void {
    this.#requestEnded = true;
    this.arrived();
  }

  /** What was written last has left. */
  sent(): void {
    this.#outgoing.shift()?.left();
    this.#since = this.#reading === undefined ? Number.POSITIVE_INFINITY : Date.now();
    if (this.#outgoing.length > 0) this.#write();
    else if (this.#ending !== undefined) this.#options.wire.end(this.#ending.failure);
  }

  /** The server stops: no more messages are given out. The method finishes what it has taken. */
  drain(): void {
    this.#draining = true;
    if (this.#reading !== undefined && this.#outgoing.length === 0) this.#since = Number.POSITIVE_INFINITY;
    this.#stopReading();
  }

  /** Ends the call with an error and tells the method that nobody waits any more. */
  abandon(error: unknown): void {
    if (this.#over) return;
    this.#end({ error });
    this.#caller.abort();
  }

  /** The time is up that {@link expiresAt} says. */
  expire(): void {
    const { deadline, idleMs } = this.#options;
    this.abandon(
      Date.now() >= deadline
        ? new TransportError('DEADLINE_EXCEEDED', 'The deadline passed before the call was complete.')
        : new TransportError('STREAM_IDLE', `The client kept the call waiting for ${idleMs} ms.`, {
            hint: 'Raise sideboard.grpc.stream_idle_ms, or end the call and make another one later.',
          }),
    );
  }

  /** Nothing of the call is left on the connection. */
  leave(): void {
    for (const { left } of this.#outgoing.splice(0)) left();
    this.#ending = undefined;
    if (this.#over) return;
    this.#over = true;
    this.#stopReading();
    this.#caller.abort();
  }

  /**
   * Every message has a turn of the event loop of its own: a method that answers without ever waiting would otherwise go through all
   * that has come while nobody else is served, and signals go unheard.
   */
  #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        const reading = { resolve, reject };
        const result = this.#look(reading);
        if (result !== undefined) resolve(result);
        else {
          this.#reading = reading;
          this.#since = Date.now();
        }
      });
    });
  }

  /** What the reader can be told; nothing where the client has to send more. */
  #look({ reject }: Reading): Read | undefined {
    if (this.#over || this.#draining) return DONE;
    const { source, wire } = this.#options;
    try {
      const message = source.take();
      if (message !== undefined) {
        wire.taken();
        return message instanceof Promise ? message.then((value) => ({ value })) : { value: message };
      }
      if (!this.#requestEnded) return undefined;
      source.assertEnded();
      this.#complete = true;
    } catch (error) {
      reject(error);
    }
    return DONE;
  }

  #stopReading(): void {
    const reading = this.#reading;
    this.#reading = undefined;
    reading?.resolve(DONE);
  }

  #write(): void {
    this.#since = Date.now();
    const [first] = this.#outgoing;
    if (first !== undefined) this.#options.wire.write(first.message);
  }

  #settle(failure: { readonly error: unknown } | undefined): void {
    this.#running = false;
    this.#options.wire.settled();
    if (this.#over) return;
    if (failure !== undefined || !this.#draining || this.#complete) this.#end(failure, true);
    else {
      const hint = 'Go on with what was not acknowledged, at another server or later.';
      this.#end({ error: new TransportError('SHUTTING_DOWN', 'The server is shutting down.', { hint }) }, true);
    }
  }

  /** @param flushed what was sent leaves first, however long it takes */
  #end(failure: { readonly error: unknown } | undefined, flushed = false): void {
    this.#over = true;
    this.#since = Date.now();
    this.#stopReading();
    const { wire, onFailure } = this.#options;
    if (failure !== undefined) onFailure(failure.error);
    if (!flushed && this.#outgoing.length > 0) {
      const dropped = this.#outgoing.splice(wire.takeBack() ? 0 : 1);
      for (const { left } of dropped) left();
    }
    if (this.#outgoing.length === 0) wire.end(failure);
    else this.#ending = { failure };
  }
}
