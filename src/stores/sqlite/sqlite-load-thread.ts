import { parentPort, workerData } from 'node:worker_threads';
import { SqliteConnection } from './sqlite-connection.ts';
import { writeLoad } from './sqlite-load.ts';
import type { LoadThreadData, LoadThreadReply } from './sqlite-load-messages.ts';
import { packError } from './sqlite-read-messages.ts';
import { createSqliteClock } from './sqlite-time.ts';

// The entry point of the thread that commits one load, and then ends.
const port = parentPort;
if (port === null) throw new TypeError('sqlite-load-thread is the entry point of a thread');

const { connection: options, timezone, write, rows, deadline } = workerData as LoadThreadData;
const connection = new SqliteConnection(options);
const caller = new AbortController();

port.on('message', () => caller.abort());
port.postMessage('ready' satisfies LoadThreadReply);
try {
  const call = { signal: caller.signal, ...(deadline !== undefined && { deadline }) };
  await writeLoad(connection, createSqliteClock(timezone), write, rows, call);
  port.postMessage('done' satisfies LoadThreadReply);
} catch (error) {
  port.postMessage({ error: packError(error) } satisfies LoadThreadReply);
} finally {
  connection.close();
  port.close();
}
