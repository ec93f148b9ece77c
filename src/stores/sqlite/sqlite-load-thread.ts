import { parentPort, workerData } from 'node:worker_threads';
import { SqliteConnection } from './sqlite-connection.ts';
import { blocksFromSpool, writeLoad } from './sqlite-load.ts';
import { LoadInbox } from './sqlite-load-inbox.ts';
import type { LoadThreadData, LoadThreadMessage, LoadThreadReply } from './sqlite-load-messages.ts';
import { packError } from './sqlite-read-messages.ts';
import { createSqliteClock } from './sqlite-time.ts';

// The entry point of the thread that writes one load, and then ends.
const port = parentPort;
if (port === null) throw new TypeError('sqlite-load-thread is the entry point of a thread');

const { connection: options, timezone, write, rows, deadline } = workerData as LoadThreadData;
const connection = new SqliteConnection(options);
const caller = new AbortController();
const reply = (message: LoadThreadReply): void => port.postMessage(message);
const inbox = new LoadInbox(options.path, () => reply('written'));

port.on('message', (message: LoadThreadMessage) => {
  if (message === 'give up') caller.abort();
  inbox.put(message);
});
reply('ready');
try {
  const call = { signal: caller.signal, ...(deadline !== undefined && { deadline }) };
  const clock = createSqliteClock(timezone);
  if (rows !== undefined) await writeLoad(connection, clock, write, blocksFromSpool(rows), call);
  // Nobody is locked out before there is something to write.
  else if (await inbox.hasRows()) await writeLoad(connection, clock, write, inbox.blocks(), call);
  reply('done');
} catch (error) {
  reply({ error: packError(error) });
} finally {
  connection.close();
  port.close();
}
