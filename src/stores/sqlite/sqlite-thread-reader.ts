import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { assertTimeLeft, withinLimits } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import type { RowBlock } from '../row-block.ts';
import { StoreError } from '../store-error.ts';
import {
  fillBlocks,
  packReads,
  type ReadThreadData,
  type ReadThreadReply,
  type ReadThreadRequest,
  unpackError,
} from './sqlite-read-messages.ts';
import type { SqliteRead } from './sqlite-row-reader.ts';

/** Reads that may wait for the thread; what would exceed it fails at once. */
const MAX_WAITING = 100;
/** Longest delay of a timer; no call waits that long. */
const NO_LIMIT = 2 ** 31 - 1;

interface Job {
  readonly request: ReadThreadRequest;
  readonly blocks: readonly RowBlock[];
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Its caller waits no more. */
  dropped: boolean;
}

/** No thread can be started. */
export class NoThread extends Error {}

/**
 * Reads in a thread of its own, which has its own read-only handle on the file, one request after the other. The thread is
 * started with the first read, and again with the next one after it ended unexpectedly.
 */
export class SqliteThreadReader {
  readonly #data: ReadThreadData;
  readonly #doing: string;
  #thread: Worker | undefined;
  #current: Job | undefined;
  #waiting: Job[] = [];
  #closed = false;
  /** Whether the event loop has yet to turn since the last reply. */
  #turning = false;
  /** Whether a thread ever came up. */
  #works = false;

  constructor(data: ReadThreadData) {
    this.#data = data;
    this.#doing = `reading SQLite file ${data.connection.path}`;
  }

  /**
   * Fills the blocks of all reads.
   * @throws StoreError
   * @throws NoThread when this process cannot have a thread: its entry point does not load, or the system allows no more
   */
  async read(reads: readonly SqliteRead[], call?: CallOptions): Promise<void> {
    if (this.#closed) throw this.#closedError();
    assertTimeLeft(call, this.#doing);
    if (this.#waiting.length >= MAX_WAITING) {
      throw new StoreError('STORE_OVERLOADED', `${MAX_WAITING} large reads wait while ${this.#doing}.`, {
        hint: 'Ask for fewer entities at once, or keep the rows in a store that is a server.',
      });
    }
    const job = createJob(reads, call);
    this.#waiting.push(job);
    this.#startNext();
    try {
      await withinLimits(job.done, call, NO_LIMIT, this.#doing);
    } catch (error) {
      this.#drop(job);
      throw error;
    }
  }

  /** Ends the thread, and the reads that wait for it. */
  async close(): Promise<void> {
    this.#closed = true;
    const thread = this.#thread;
    this.#thread = undefined;
    const jobs = [...(this.#current === undefined ? [] : [this.#current]), ...this.#waiting];
    this.#current = undefined;
    this.#waiting = [];
    for (const job of jobs) job.reject(this.#closedError());
    await thread?.terminate();
  }

  #startNext(): void {
    if (this.#current !== undefined || this.#turning) return;
    const job = this.#waiting.shift();
    if (job === undefined) {
      // A thread without work does not keep the process from ending.
      this.#thread?.unref();
      return;
    }
    this.#current = job;
    try {
      this.#thread ??= this.#start();
    } catch (cause) {
      this.#endCurrent(this.#endError(cause));
      return;
    }
    this.#thread.ref();
    this.#thread.postMessage(job.request);
  }

  #endCurrent(error: Error | undefined): void {
    const job = this.#current;
    this.#current = undefined;
    if (error === undefined) job?.resolve();
    else job?.reject(error);
    this.#startNextTurn();
  }

  /**
   * Node hands over up to a thousand messages of a thread in one turn. Were the next read sent from within a reply, a thread that
   * is as quick as this one would keep all else in the process waiting.
   */
  #startNextTurn(): void {
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      if (!this.#closed) this.#startNext();
    });
  }

  #start(): Worker {
    const thread = new Worker(ENTRY, { workerData: this.#data, name: 'sqlite-reads' });
    let cause: unknown;
    thread.on('message', (reply: ReadThreadReply) => {
      if (thread !== this.#thread) return;
      if (reply === 'ready') {
        this.#works = true;
        return;
      }
      if ('error' in reply) {
        this.#endCurrent(unpackError(reply.error));
        return;
      }
      const job = this.#current;
      if (job !== undefined && !job.dropped) fillBlocks(job.blocks, reply.blocks);
      this.#endCurrent(undefined);
    });
    thread.on('error', (error) => {
      cause = error;
    });
    thread.on('exit', () => {
      if (thread !== this.#thread) return;
      this.#thread = undefined;
      this.#endCurrent(this.#endError(cause));
    });
    return thread;
  }

  /** The caller waits no more: the read does not begin, or ends as soon as the thread looks. */
  #drop(job: Job): void {
    job.dropped = true;
    if (job === this.#current) this.#thread?.postMessage('give up' satisfies ReadThreadRequest);
    else this.#waiting = this.#waiting.filter((each) => each !== job);
  }

  #endError(cause: unknown): Error {
    if (!this.#works) return new NoThread('no thread can be started', { cause });
    return new StoreError('STORE_UNAVAILABLE', `The thread ended unexpectedly while ${this.#doing}.`, {
      hint: 'Try again: the next large read starts another one.',
      cause,
    });
  }

  #closedError(): StoreError {
    return new StoreError('STORE_CLOSED', `The store was closed while ${this.#doing}.`);
  }
}

/** Compiled or not, the entry point has the same ending as this module. */
const ENTRY = new URL(`./sqlite-read-thread${extname(import.meta.url)}`, import.meta.url);

function createJob(reads: readonly SqliteRead[], call: CallOptions | undefined): Job {
  let settle: Pick<Job, 'resolve' | 'reject'> | undefined;
  const done = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return {
    request: { reads: packReads(reads), deadline: call?.deadline },
    blocks: reads.map(({ block }) => block),
    done,
    resolve: () => settle?.resolve(),
    reject: (error) => settle?.reject(error),
    dropped: false,
  };
}
