import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { AnswerSender } from '../../../../src/transports/grpc/net-http2/answer-sender.ts';
import { MemoryPool } from '../../../../src/transports/grpc/net-http2/memory-pool.ts';
import { Stream } from '../../../../src/transports/grpc/net-http2/stream.ts';
import { oldSpaceGrowth } from '../../../support/old-space.ts';

const WINDOW = 65_535;
/** More than one frame, so that it does not leave with its headers. */
const ANSWER = new Uint8Array(20_000);

class TestStream extends Stream {
  readonly load: number[];

  constructor(id: number, window: number, load: number[] = []) {
    super(id, Number.POSITIVE_INFINITY, undefined, window);
    this.load = load;
  }

  receive(): number {
    return 0;
  }

  complete(): void {}
  expire(): void {}
  abandon(): void {}
}

function createSender() {
  const socket = new Writable({ write: (_chunk, _encoding, done) => done() });
  const gone: number[] = [];
  const sender = new AnswerSender(socket as unknown as Socket, new MemoryPool(), 1_000_000, {
    sent(stream) {
      stream.sent();
      gone.push(stream.id);
    },
    taken() {},
  });
  return { sender, gone };
}

describe('the answers of a connection', () => {
  it('leave in the order in which they came, but none waits for a stream whose window is shut', () => {
    const { sender, gone } = createSender();
    sender.extend(undefined, 1_000_000);
    const shut = new TestStream(1, 10, []);
    for (const stream of [shut, new TestStream(3, WINDOW), new TestStream(5, WINDOW)]) sender.answer(stream, ANSWER);
    sender.flushNow();
    assert.deepEqual(gone, [3, 5]);
    sender.answer(new TestStream(7, WINDOW), ANSWER);
    sender.extend(shut, ANSWER.length);
    sender.flushNow();
    assert.deepEqual(gone, [3, 5, 1, 7]);
    assert.equal(sender.unsent, 0);
  });

  it('do not wait for one that was taken back', () => {
    const { sender, gone } = createSender();
    const streams = [1, 3, 5, 7].map((id) => new TestStream(id, WINDOW));
    for (const stream of streams) sender.answer(stream, ANSWER);
    for (const stream of streams.slice(0, 2)) sender.forget(stream);
    sender.flushNow();
    assert.deepEqual([gone, sender.unsent], [[5, 7], 0]);
  });

  it('let streams that are over be collected with young objects, also behind a full collection', async () => {
    const { sender, gone } = createSender();
    const present: TestStream[] = [];
    const message = new Uint8Array(10);
    const grown = await oldSpaceGrowth((load, n) => {
      const stream = new TestStream(2 * n + 1, 0, load);
      sender.answer(stream, message);
      const first = present[n % 20];
      present[n % 20] = stream;
      if (first === undefined) return;
      sender.extend(undefined, first.outgoingLeft);
      sender.extend(first, first.outgoingLeft);
      sender.flushNow();
      assert.equal(gone.pop(), first.id);
    });
    assert.ok(grown < 3_000_000, `${grown} bytes more in the old space`);
  });
});
