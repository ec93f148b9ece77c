import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { AnswerSender } from '../../../../src/transports/grpc/net-http2/answer-sender.ts';
import { MemoryPool } from '../../../../src/transports/grpc/net-http2/memory-pool.ts';
import { Stream } from '../../../../src/transports/grpc/net-http2/stream.ts';

/** A stream whose call does nothing. */
export class TestStream extends Stream {
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

/** A sender whose socket takes everything at once, and the streams that it has sent, by their numbers. */
export function createSender() {
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
