import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { ServedCall } from '../../../../src/serving/served-call.ts';
import { MemoryPool } from '../../../../src/transports/grpc/net-http2/memory-pool.ts';
import { netHttp2Limits } from '../../../../src/transports/grpc/net-http2/net-http2-limits.ts';
import type { ServiceTable } from '../../../../src/transports/grpc/service-table.ts';
import { patternOf } from '../../../support/echo-service.ts';
import { http2Call, openSession, statusOf } from '../../../support/http2-call.ts';
import { Http2ServerUnderTest } from '../../../support/http2-server-under-test.ts';
import { type Frame, FrameType, frame, grpcMessage, type Http2Wire, unaryCall } from '../../../support/http2-wire.ts';

const MB = 1024 * 1024;
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const settings = (window: number, maxFrame = 16_384) =>
  Buffer.concat([Buffer.from([0, 4]), uint32(window), Buffer.from([0, 5]), uint32(maxFrame)]);
const dataOf = (wire: Http2Wire, id: number) =>
  wire.frames.filter(({ type, stream }) => type === FrameType.DATA && stream === id).map(({ payload }) => payload);
const isEnd = ({ type, flags }: Frame) => type === FrameType.HEADERS && flags === 5;

/** Bytes of an answer that only this call and size have. */
function stamped(answer: Uint8Array, call: number): Uint8Array {
  for (let at = 0; at < answer.length; at++) answer[at] = (call * 31 + at * 7 + (at >>> 8)) & 0xff;
  return answer;
}

/** Answers in memory of the server: "CALL SIZE" filled with bytes of their own, some after a while. */
const stamps: ServiceTable = [
  {
    path: '/test.Stamp/Stamp',
    async handle(message, call) {
      const [number = 0, size = 0, waitMs = 0] = Buffer.from(message).toString().split(' ').map(Number);
      const answer = call.allocateAnswer?.(size) ?? assert.fail('the server gives no memory');
      assert.equal(answer.length, size);
      // Memory that was given to two calls at a time would show the wrong bytes in one of them.
      if (waitMs > 0) await sleep(waitMs);
      stamped(answer, number);
      if (number % 7 === 3) throw new Error('thought better of it');
      if (number % 7 === 4) return stamped(new Uint8Array(size), number);
      return number % 7 === 5 ? answer.subarray(0) : answer;
    },
  },
];

describe('answers of the net-http2 server', function () {
  this.timeout(30_000);
  let lab: Http2ServerUnderTest;

  afterEach(() => lab.end());

  it('go as far as windows allow, and no further, whatever the client does with them', async () => {
    lab = await Http2ServerUnderTest.start('net-http2', {}, { minPingIntervalMs: 0 });
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('call' as const),
        size: fc.oneof(fc.integer({ min: 0, max: 16_000 }), fc.integer({ min: 0, max: 60_000 })),
      }),
      fc.record({ kind: fc.constant('stream' as const), by: fc.integer({ min: 1, max: 40_000 }) }),
      fc.record({ kind: fc.constant('connection' as const), by: fc.integer({ min: 1, max: 80_000 }) }),
      fc.record({ kind: fc.constant('initial' as const), to: fc.integer({ min: 0, max: 50_000 }) }),
    );
    const scenario = fc.record({
      first: fc.oneof(fc.constant(70_000), fc.integer({ min: 0, max: 70_000 })),
      maxFrame: fc.constantFrom(16_384, 20_000, 1_000_000),
      steps: fc.array(step, { minLength: 3, maxLength: 25 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ first, maxFrame, steps }) => {
        const wire = await lab.greet(settings(first, maxFrame));
        const calls: { id: number; size: number; window: number; before: number }[] = [];
        let initial = first;
        let connection = 65_535;
        const pongs = () => wire.frames.filter(({ type, flags }) => type === FrameType.PING && flags === 1).length;
        /** Answers stand behind the pong of their own turn, and before that of the next. */
        const settled = async () => {
          for (let turn = 0; turn < 2; turn++) {
            const before = pongs();
            wire.send(frame(FrameType.PING, 0, 0, Buffer.alloc(8)));
            await wire.next(() => pongs() > before);
          }
        };
        const taken = (id: number) => dataOf(wire, id).reduce((sum, { length }) => sum + length, 0);
        const checkWindows = () => {
          let all = 0;
          for (const call of calls) {
            const now = taken(call.id);
            // A window may have become smaller than what was sent before.
            assert.ok(now <= Math.max(call.before, call.window), `${now} bytes of call ${call.id}`);
            assert.ok(dataOf(wire, call.id).every(({ length }) => length <= maxFrame && length > 0));
            call.before = now;
            all += now;
          }
          assert.ok(all <= connection, `${all} bytes on a connection that takes ${connection}`);
        };
        for (const each of steps) {
          if (each.kind === 'call') {
            const id = calls.length * 2 + 1;
            calls.push({ id, size: each.size, window: initial, before: 0 });
            wire.send(unaryCall(id, '/test.Echo/Large', Buffer.from(String(each.size))));
          } else if (each.kind === 'initial') {
            for (const call of calls) call.window += each.to - initial;
            initial = each.to;
            wire.send(frame(FrameType.SETTINGS, 0, 0, settings(initial, maxFrame)));
          } else if (each.kind === 'connection') {
            connection += each.by;
            wire.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(each.by)));
          } else if (calls.length > 0) {
            const call = calls[each.by % calls.length] ?? assert.fail();
            call.window += each.by;
            wire.send(frame(FrameType.WINDOW_UPDATE, 0, call.id, uint32(each.by)));
          }
          await settled();
          checkWindows();
        }
        // What windows allow has been sent: either they or the answers are used up.
        const all = calls.reduce((sum, { id }) => sum + taken(id), 0);
        if (all < connection) {
          for (const { id, size, window } of calls)
            assert.ok(taken(id) === size + 5 || taken(id) >= window, `call ${id}`);
        }
        wire.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0x40000000)));
        for (const { id } of calls) wire.send(frame(FrameType.WINDOW_UPDATE, 0, id, uint32(1_000_000)));
        await settled();
        for (const { id, size } of calls) {
          await wire.next((each) => isEnd(each) && each.stream === id);
          assert.ok(Buffer.concat(dataOf(wire, id)).equals(grpcMessage(patternOf(size))));
        }
        wire.destroy();
      }),
      {
        numRuns: 60,
        // The last of these small calls does not fit into what is left of the connection's window.
        examples: [
          [
            {
              first: 70_000,
              maxFrame: 16_384,
              steps: Array.from({ length: 6 }, () => ({ kind: 'call' as const, size: 12_000 })),
            },
          ],
        ],
      },
    );
    await lab.hasNoCalls();
  });

  it('in the memory of the server are those of their calls, with clients that read slowly and calls that are reset', async () => {
    lab = await Http2ServerUnderTest.start('net-http2', {}, { maxSocketBacklog: 65_536 }, stamps);
    const sizes = [0, 1, 100, 4_095, 4_096, 4_097, 16_379, 16_380, 65_536, 300_000, 1_000_000];
    const client = async (salt: number) => {
      const session = openSession(lab.server.address);
      for (let round = 0; round < 6; round++) {
        const calls = Array.from({ length: 20 }, async (_, at) => {
          const number = salt * 1_000 + round * 20 + at;
          const size = sizes[(number * 5) % sizes.length] ?? 0;
          const request = { frames: [grpcMessage(Buffer.from(`${number} ${size} ${number % 3 === 0 ? 5 : 0}`))] };
          const answer = await http2Call(session, '/test.Stamp/Stamp', request);
          if (number % 7 === 3) assert.equal(statusOf(answer), 13);
          else {
            assert.equal(statusOf(answer), 0);
            assert.ok(
              answer.body.equals(grpcMessage(Buffer.from(stamped(new Uint8Array(size), number)))),
              `call ${number}`,
            );
          }
        });
        await Promise.all(calls);
      }
      session.destroy();
    };
    const rude = async () => {
      for (let round = 0; round < 20; round++) {
        const wire = await lab.greet(settings(round % 2 === 0 ? 20_000 : 1_000_000));
        for (let id = 1; id < 40; id += 2) {
          wire.send(unaryCall(id, '/test.Stamp/Stamp', Buffer.from(`${id * 7} 300000 ${2 + (id % 9)}`)));
        }
        await sleep(3);
        for (let id = 1; id < 20; id += 2) wire.send(frame(FrameType.RST_STREAM, 0, id, uint32(8)));
        await sleep(3);
        wire.destroy();
      }
    };
    await Promise.all([client(1), client(2), client(3), rude()]);
    await lab.hasNoCalls();
  });

  it('keep their memory while a method runs for a call that was reset, and give it back then', async () => {
    const given: ArrayBufferLike[] = [];
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const method = {
      path: '/test.Held/Held',
      async handle(message: Uint8Array, call: ServedCall) {
        const answer = call.allocateAnswer?.(10_000) ?? assert.fail();
        given.push(answer.buffer);
        if (message.length > 0) await ended;
        return answer;
      },
    };
    lab = await Http2ServerUnderTest.start('net-http2', {}, {}, [method]);
    const wire = await lab.greet();
    const answered = async (id: number) => {
      wire.send(unaryCall(id, '/test.Held/Held', Buffer.alloc(0)));
      await wire.next((each) => isEnd(each) && each.stream === id);
    };
    wire.send(unaryCall(1, '/test.Held/Held', Buffer.from('x')), frame(FrameType.RST_STREAM, 0, 1, uint32(8)));
    await answered(3);
    await answered(5);
    const [first, second, third] = given;
    assert.notEqual(second, first, 'the method still writes there');
    assert.equal(third, second);
    end();
    await sleep(5);
    await answered(7);
    assert.equal(given[3], first);
  });

  it('to a reader that stops and goes on arrive whole', async () => {
    lab = await Http2ServerUnderTest.start('net-http2');
    const wire = await lab.greet(settings(0x7fffffff));
    wire.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0x70000000)));
    wire.pause();
    for (let id = 1; id < 20; id += 2) wire.send(unaryCall(id, '/test.Echo/Large', Buffer.from(String(3 * MB + id))));
    await sleep(200);
    assert.ok(lab.server.openCalls() > 0, 'the system would take all of it');
    wire.resume();
    for (let id = 1; id < 20; id += 2) {
      await wire.next((each) => isEnd(each) && each.stream === id, 10_000);
      assert.ok(Buffer.concat(dataOf(wire, id)).equals(grpcMessage(patternOf(3 * MB + id))));
    }
    await lab.hasNoCalls();
  });

  it('of calls that come together leave together', async () => {
    lab = await Http2ServerUnderTest.start('net-http2');
    const { connect } = await import('node:net');
    const [host, port] = lab.server.address.split(':');
    const socket = connect({ host: host ?? '', port: Number(port), noDelay: true });
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FrameType.SETTINGS, 0, 0)]));
    await sleep(50);
    const reads: number[] = [];
    socket.on('data', (bytes: Buffer) => reads.push(bytes.length));
    await sleep(20);
    reads.length = 0;
    const calls = Array.from({ length: 50 }, (_, at) => unaryCall(2 * at + 1, '/test.Echo/Later', Buffer.from('x')));
    socket.write(Buffer.concat(calls));
    await sleep(100);
    socket.destroy();
    // A head in full and forty-nine of three bytes, messages, trailers: one write, which arrives in one piece.
    assert.equal(reads.length, 1);
    assert.ok((reads[0] ?? 0) < 50 * 50, `${reads[0]} bytes`);
  });
});

describe('the memory for answers', () => {
  it('is of the length that was asked for, and used again', () => {
    const pool = new MemoryPool();
    for (const size of [0, 1, 4_095, 4_096, 4_097, 8_192, 100_000, 8 * MB, 8 * MB + 1]) {
      assert.equal(pool.allocate(size).length, size);
    }
    const first = pool.allocate(100_000);
    pool.release(first);
    assert.equal(pool.kept, 131_072);
    assert.equal(pool.allocate(70_000).buffer, first.buffer);
    assert.equal(pool.kept, 0);
    assert.notEqual(pool.allocate(70_000).buffer, first.buffer);
  });

  it('is never given to two at a time', () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 4_096, max: 200_000 }), fc.boolean()), { maxLength: 100 });
    fc.assert(
      fc.property(sizes, (steps) => {
        const pool = new MemoryPool();
        const held: Uint8Array[] = [];
        for (const [size, gives] of steps) {
          const memory = pool.allocate(size);
          assert.ok(!held.some(({ buffer }) => buffer === memory.buffer));
          held.push(memory);
          if (gives) pool.release(held.splice(size % held.length, 1)[0] ?? memory);
        }
      }),
    );
  });

  it('is kept up to a bound, and given back when it is not needed', () => {
    const pool = new MemoryPool();
    const busy = Array.from({ length: 100 }, () => pool.allocate(MB));
    for (const memory of busy) pool.release(memory);
    assert.equal(pool.kept, 32 * MB);
    pool.trim();
    for (let i = 0; i < 5; i++) {
      const two = [pool.allocate(MB), pool.allocate(MB)];
      for (const memory of two) pool.release(memory);
    }
    pool.trim();
    assert.equal(pool.kept, 2 * MB, 'what was used in the meantime stays');
    pool.trim();
    assert.equal(pool.kept, 0);
    assert.equal(netHttp2Limits.memoryTrimMs, 10_000);
  });

  it('of odd sizes is none of its business', () => {
    const pool = new MemoryPool();
    pool.release(Buffer.alloc(10));
    pool.release(pool.allocate(9 * MB));
    assert.equal(pool.kept, 0);
  });
});
