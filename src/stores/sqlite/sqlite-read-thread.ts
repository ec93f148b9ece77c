import { parentPort, workerData } from 'node:worker_threads';
import type { CallOptions } from '../online-store.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import {
  packBlocks,
  packError,
  type ReadThreadData,
  type ReadThreadReply,
  type ReadThreadRequest,
  transferOf,
  unpackReads,
} from './sqlite-read-messages.ts';
import { readInTurns } from './sqlite-read-turns.ts';
import { createSqliteClock } from './sqlite-time.ts';

/** Values after which the thread looks whether anybody still waits. */
const VALUES_AT_ONCE = 5000;

// The entry point of the thread that SqliteThreadReader starts. One request is under way at a time.
const port = parentPort;
if (port === null) throw new TypeError('sqlite-read-thread is the entry point of a thread');

const { connection: options, timezone } = workerData as ReadThreadData;
const connection = new SqliteConnection(options);
const clock = createSqliteClock(timezone);
let caller = new AbortController();

port.on('message', (request: ReadThreadRequest) => {
  if (request === 'give up') {
    caller.abort();
    return;
  }
  caller = new AbortController();
  answer(request, caller.signal).then(
    ({ reply, transfer }) => port.postMessage(reply, transfer),
    (error: unknown) => port.postMessage({ error: packError(error) } satisfies ReadThreadReply),
  );
});
port.postMessage('ready' satisfies ReadThreadReply);

async function answer(
  { reads: sent, deadline }: Exclude<ReadThreadRequest, string>,
  signal: AbortSignal,
): Promise<{ reply: ReadThreadReply; transfer: ArrayBuffer[] }> {
  const reads = unpackReads(sent);
  const call: CallOptions = { signal, ...(deadline !== undefined && { deadline }) };
  await readInTurns(connection, clock, reads, VALUES_AT_ONCE, call);
  const blocks = packBlocks(reads);
  return { reply: { blocks }, transfer: transferOf(blocks) };
}
