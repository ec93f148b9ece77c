import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { FrameOutput, OUTPUT_BLOCK } from '../../../../src/transports/grpc/net-http2/frame-output.ts';
import { MemoryPool } from '../../../../src/transports/grpc/net-http2/memory-pool.ts';

/** Takes what is written when it is told to: what it was given has to stay as it was until then. */
class SlowSocket extends Writable {
  readonly taken: Buffer[] = [];
  #pending: (() => void) | undefined;
  #takesAtOnce = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#hold([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#hold(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  take(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.();
  }

  takeAtOnce(does: boolean): void {
    this.#takesAtOnce = does;
    if (does) this.take();
  }

  #hold(chunks: Buffer[], done: () => void): void {
    this.#pending = () => {
      for (const chunk of chunks) this.taken.push(Buffer.from(chunk));
      done();
    };
    if (this.#takesAtOnce) this.take();
  }
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('frame' as const), size: fc.integer({ min: 0, max: 40_000 }) }),
  fc.record({ kind: fc.constant('flush' as const) }),
  fc.record({ kind: fc.constant('take' as const) }),
  fc.record({ kind: fc.constant('takeAtOnce' as const), does: fc.boolean() }),
);

describe('what a connection writes', () => {
  it('arrives as it was written, and its memory is used again only when it has been taken', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const socket = new SlowSocket();
        const pool = new MemoryPool();
        let taken = 0;
        const output = new FrameOutput(socket as unknown as Socket, pool, () => taken++);
        const written: Buffer[] = [];
        let stamp = 0;
        for (const each of [...steps, { kind: 'flush' as const }]) {
          if (each.kind === 'frame') {
            const payload = Buffer.alloc(each.size, ++stamp);
            output.frame(stamp % 10, 0, stamp, payload);
            const head = Buffer.from([0, each.size >>> 8, each.size & 0xff, stamp % 10, 0, 0, 0, 0, stamp]);
            written.push(head, payload);
          } else if (each.kind === 'flush') output.flush();
          else if (each.kind === 'take') socket.take();
          else socket.takeAtOnce(each.does);
          // Writers are told in a later turn.
          await new Promise((resolve) => setImmediate(resolve));
        }
        socket.takeAtOnce(true);
        await new Promise((resolve) => setImmediate(resolve));
        assert.ok(Buffer.concat(socket.taken).equals(Buffer.concat(written)));
        assert.equal(output.backlog, 0);
        if (written.length > 0) {
          assert.ok(taken > 0);
          // Every block came back.
          assert.ok(pool.kept >= OUTPUT_BLOCK && pool.kept % OUTPUT_BLOCK === 0, `${pool.kept}`);
        }
      }),
      {
        // The second write is still on its way when the first is done.
        examples: [
          [
            [
              { kind: 'frame', size: 1 },
              { kind: 'flush' },
              { kind: 'frame', size: 1 },
              { kind: 'flush' },
              { kind: 'take' },
              { kind: 'frame', size: 1 },
            ],
          ],
        ],
      },
    );
  });

  it('is dropped when the socket is gone, and its memory kept', () => {
    const socket = new SlowSocket();
    const pool = new MemoryPool();
    const output = new FrameOutput(socket as unknown as Socket, pool, () => {});
    for (let i = 0; i < 3; i++) output.frame(0, 0, 1, Buffer.alloc(40_000));
    socket.destroy();
    output.flush();
    assert.equal(output.backlog, 0);
    assert.equal(pool.kept, 3 * OUTPUT_BLOCK);
    assert.deepEqual(socket.taken, []);
  });
});
