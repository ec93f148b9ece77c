import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { CallOptions } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import type { LoadThreadData, LoadThreadReply } from './sqlite-load-messages.ts';
import { unpackError } from './sqlite-read-messages.ts';
import { NoThread } from './sqlite-thread-reader.ts';

/** Compiled or not, the entry point has the same ending as this module. */
const ENTRY = new URL(`./sqlite-load-thread${extname(import.meta.url)}`, import.meta.url);

/**
 * Commits a load in a thread of its own: neither the writing nor the copying from log to file that follows a large transaction
 * blocks this one. Settles when the thread has ended.
 * @throws StoreError
 * @throws NoThread when this process cannot have a thread; nothing has been done then
 */
export async function writeLoadInThread(data: LoadThreadData, threads: Set<Worker>, call?: CallOptions): Promise<void> {
  const thread = startThread(data);
  threads.add(thread);
  const giveUp = (): void => thread.postMessage('give up');
  call?.signal?.addEventListener('abort', giveUp, { once: true });
  try {
    await outcomeOf(thread, data.connection.path);
  } finally {
    threads.delete(thread);
    call?.signal?.removeEventListener('abort', giveUp);
  }
}

function startThread(data: LoadThreadData): Worker {
  try {
    return new Worker(ENTRY, { workerData: data, name: 'sqlite-load' });
  } catch (cause) {
    throw new NoThread('no thread can be started', { cause });
  }
}

function outcomeOf(thread: Worker, path: string): Promise<void> {
  let works = false;
  let outcome: LoadThreadReply | undefined;
  let cause: unknown;
  thread.on('message', (reply: LoadThreadReply) => {
    if (reply === 'ready') works = true;
    else outcome = reply;
  });
  thread.on('error', (error) => {
    cause = error;
  });
  return new Promise((resolve, reject) => {
    thread.on('exit', () => {
      if (outcome === 'done') resolve();
      else if (typeof outcome === 'object') reject(unpackError(outcome.error));
      else if (!works) reject(new NoThread('no thread can be started', { cause }));
      else {
        const message = `The thread ended unexpectedly while loading into SQLite file ${path}.`;
        reject(new StoreError('STORE_UNAVAILABLE', message, { hint: 'Load again.', cause }));
      }
    });
  });
}
