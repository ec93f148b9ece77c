import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { LaneConnector, takeSocketOver } from '../../../src/stores/redis/redis-lane-socket.ts';

const PIECE = 64 * 1024;
const ALL_BYTES = 4 * 1024 * 1024;
/** In a thread of its own: it sends while this one works. */
const SENDER = `
const { createServer } = require('node:net');
const { parentPort } = require('node:worker_threads');
const server = createServer((client) => client.once('data', () => client.end(Buffer.alloc(${ALL_BYTES}, 1))));
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;
/** What answering takes that a read completed: longer than a turn is to last. */
const WORK_MS = 8;

interface Turns {
  bytes: number;
  /** The most reads in one turn of the event loop. */
  most: number;
}

/** Takes over a socket that has everything to read, and works for a while behind each read. */
async function readAll(socket: Socket): Promise<Turns> {
  const turns: Turns = { bytes: 0, most: 0 };
  let inTurn = 0;
  const received = (count: number): void => {
    if (inTurn++ === 0) {
      setImmediate(() => {
        turns.most = Math.max(turns.most, inTurn);
        inTurn = 0;
      });
    }
    turns.bytes += count;
    // As serving does: behind the read, and before the next.
    queueMicrotask(() => {
      const until = performance.now() + WORK_MS;
      while (performance.now() < until);
    });
  };
  const room = Buffer.allocUnsafe(PIECE);
  takeSocketOver(socket, { room: () => room, received, push: (chunk) => received(chunk.length) });
  const closed = once(socket, 'close');
  socket.write('send');
  await closed;
  return turns;
}

describe('what one server sends without end', () => {
  let sender: Worker;
  let port: number;

  before(async () => {
    sender = new Worker(SENDER, { eval: true });
    [port] = (await once(sender, 'message')) as [number];
  });

  after(() => sender?.terminate());

  it('is read a few pieces at a time, all of it, into memory of the lane', async () => {
    const socket = await new LaneConnector({ host: '127.0.0.1', port }).connect();
    await once(socket, 'connect');
    const { bytes, most } = await readAll(socket);
    assert.equal(bytes, ALL_BYTES);
    assert.ok(most <= 3, `${most} reads in one turn`);
  });

  it('is read a few pieces at a time, all of it, from a socket of another maker', async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const { bytes, most } = await readAll(socket);
    assert.equal(bytes, ALL_BYTES);
    assert.ok(most <= 3, `${most} reads in one turn`);
  });
});
