import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { StoreError } from '../store-error.ts';
import type { WriteBlock } from '../write-block.ts';
import {
  type LoadThreadData,
  type LoadThreadMessage,
  type LoadThreadReply,
  sentRowsOf,
} from './sqlite-load-messages.ts';
import { unpackError } from './sqlite-read-messages.ts';
import type { BlockSearch } from './sqlite-search.ts';
import { NoThread } from './sqlite-thread-reader.ts';

/** Compiled or not, the entry point has the same ending as this module. */
const ENTRY = new URL(`./sqlite-load-thread${extname(import.meta.url)}`, import.meta.url);

/**
 * Writes a load in a thread of its own: neither the writing nor the copying from log to file that follows a large transaction
 * blocks this one.
 */
export class LoadThread {
  readonly #worker: Worker;
  readonly #path: string;
  #isUp = false;
  #outcome: LoadThreadReply | undefined;
  #cause: unknown;
  #unwritten = 0;
  #wake: (() => void) | undefined;
  /** Settles when the thread has ended: rejects with a StoreError, or NoThread, where the load was not written. */
  readonly ended: Promise<void>;

  /** @param threads the threads that are running; this one is among them while it does */
  private constructor(worker: Worker, path: string, threads: Set<Worker>) {
    this.#worker = worker;
    this.#path = path;
    threads.add(worker);
    worker.on('message', (reply: LoadThreadReply) => this.#take(reply));
    worker.on('error', (error) => {
      this.#cause = error;
    });
    this.ended = new Promise((resolve, reject) => {
      worker.on('exit', () => {
        threads.delete(worker);
        const failure = this.#failure();
        if (failure === undefined) resolve();
        else reject(failure);
        this.#wake?.();
      });
    });
    this.ended.catch(() => {});
  }

  /**
   * Starts it. Where the data hold all rows nothing more need be told to it.
   * @throws NoThread when this process cannot have a thread; nothing has been done then
   */
  static start(data: LoadThreadData, threads: Set<Worker>): LoadThread {
    try {
      return new LoadThread(
        new Worker(ENTRY, { workerData: data, name: 'sqlite-load' }),
        data.connection.path,
        threads,
      );
    } catch (cause) {
      throw new NoThread('no thread can be started', { cause });
    }
  }

  /** Blocks that were sent and are not written. */
  get unwritten(): number {
    return this.#unwritten;
  }

  /** Resolves when the thread is up. @throws NoThread */
  async up(): Promise<void> {
    while (!this.#isUp && this.#outcome === undefined) await Promise.race([this.#next(), this.ended]);
  }

  /** Sends a block, which may be used again at once. */
  send(block: WriteBlock, search: BlockSearch): void {
    this.#unwritten++;
    this.#post(sentRowsOf(block, search));
  }

  /** Resolves when a block more is written, and at once when there is none. @throws what the load failed with */
  async written(): Promise<void> {
    if (this.#unwritten === 0) return;
    await Promise.race([this.#next(), this.ended]);
  }

  /** Says that all blocks were sent. */
  commit(): void {
    this.#post('commit');
  }

  giveUp(): void {
    this.#post('give up');
  }

  #post(message: LoadThreadMessage): void {
    this.#worker.postMessage(message);
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #take(reply: LoadThreadReply): void {
    if (reply === 'ready') this.#isUp = true;
    else if (reply === 'written') this.#unwritten--;
    else this.#outcome = reply;
    this.#wake?.();
  }

  #failure(): Error | undefined {
    if (this.#outcome === 'done') return undefined;
    if (typeof this.#outcome === 'object') return unpackError(this.#outcome.error);
    if (!this.#isUp) return new NoThread('no thread can be started', { cause: this.#cause });
    const message = `The thread ended unexpectedly while loading into SQLite file ${this.#path}.`;
    return new StoreError('STORE_UNAVAILABLE', message, { hint: 'Run the load again.', cause: this.#cause });
  }
}
