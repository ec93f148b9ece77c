import assert from 'node:assert/strict';
import { SideboardError } from '../../../../src/errors.ts';
import type { UnaryMethod } from '../../../../src/transports/grpc/service-table.ts';
import { patternOf } from '../../../support/echo-service.ts';
import { frameReadings } from '../../../support/frame-readings.ts';
import { heapAfterGc } from '../../../support/heap-after-gc.ts';
import { Http2ServerUnderTest } from '../../../support/http2-server-under-test.ts';
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  FrameType,
  frame,
  grpcMessage,
  Http2Wire,
  headerBlock,
  unaryCall,
} from '../../../support/http2-wire.ts';
import { createSeededRandom, type SeededRandom } from '../../../support/seeded-random.ts';

/** FUZZ_SEED runs a failure again. */
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);
const ROUNDS = Number(process.env.FUZZ_ROUNDS ?? 400);

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const paths = ['Echo', 'Later', 'Size', 'Refuse', 'Wait', 'Nope'];

/** An answer whose size the request says, within reason: requests are noise too. */
const size: UnaryMethod = {
  path: '/test.Echo/Size',
  handle: (message) => patternOf(Math.min(Number(message) || 0, 200_000)),
};

/** A whole connection of a client that keeps to the rules. */
function validSession(random: SeededRandom): Buffer {
  const parts = [PREFACE, frame(FrameType.SETTINGS, 0, 0, settingsOf(random)), frame(FrameType.SETTINGS, 1, 0)];
  let id = 1;
  for (let left = 1 + random(12); left > 0; left--) {
    const path = `/test.Echo/${paths[random(paths.length)]}`;
    const message = Buffer.from(String(random(3) === 0 ? random(100_000) : random(30)));
    const block = headerBlock(
      callHeaders(
        path,
        random(3) === 0 ? { 'grpc-timeout': `${random(500)}m`, ['x'.repeat(random(40) + 1)]: 'y' } : {},
      ),
    );
    switch (random(9)) {
      case 0:
        parts.push(frame(FrameType.PING, 0, 0, Buffer.alloc(8, id)));
        break;
      case 1:
        parts.push(frame(FrameType.WINDOW_UPDATE, 0, 0, Buffer.from([0, random(2), random(256), 1])));
        break;
      case 2: {
        const cut = random(block.length);
        parts.push(frame(FrameType.HEADERS, 0, id, block.subarray(0, cut)));
        parts.push(frame(FrameType.CONTINUATION, END_HEADERS, id, block.subarray(cut)));
        parts.push(frame(FrameType.DATA, END_STREAM, id, grpcMessage(message)));
        id += 2;
        break;
      }
      case 3: {
        const whole = grpcMessage(message);
        const cut = random(whole.length);
        parts.push(
          frame(FrameType.HEADERS, END_HEADERS, id, block),
          frame(FrameType.DATA, 0, id, whole.subarray(0, cut)),
        );
        parts.push(
          frame(
            FrameType.DATA,
            8 | END_STREAM,
            id,
            Buffer.concat([Buffer.from([2]), whole.subarray(cut), Buffer.alloc(2)]),
          ),
        );
        id += 2;
        break;
      }
      case 4:
        parts.push(unaryCall(id, path, message), frame(FrameType.RST_STREAM, 0, id, Buffer.from([0, 0, 0, 8])));
        id += 2;
        break;
      case 5:
        parts.push(frame(FrameType.SETTINGS, 0, 0, settingsOf(random)));
        break;
      default:
        parts.push(
          unaryCall(id, path, message),
          frame(FrameType.WINDOW_UPDATE, 0, id, Buffer.from([0, 0, random(256), 1])),
        );
        id += 2;
    }
  }
  return Buffer.concat(parts);
}

function settingsOf(random: SeededRandom): Buffer {
  const payload = Buffer.alloc(6 * random(4));
  for (let at = 0; at < payload.length; at += 6) {
    const [id = 0, value = 0] =
      [
        [1, random(5_000)],
        [3, random(100)],
        [4, random(100_000)],
        [5, 16_384 + random(100_000)],
      ][random(4)] ?? [];
    payload.writeUInt16BE(id, at);
    payload.writeUInt32BE(value, at + 2);
  }
  return payload;
}

/** The session with a few bytes, or whole stretches, not as they were. The preface stays, so that the rest is looked at. */
function mutated(random: SeededRandom, session: Buffer): Buffer {
  let bytes = Buffer.from(session);
  for (let left = random(6); left > 0; left--) {
    const at = PREFACE.length + random(Math.max(1, bytes.length - PREFACE.length));
    const length = Math.min(bytes.length - at, 1 + random(random(4) === 0 ? 200 : 6));
    const end = at + length;
    switch (random(5)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        for (let i = at; i < end; i++) bytes[i] = random(256);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
        break;
      default:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(Array.from({ length }, () => random(256))),
          bytes.subarray(at),
        ]);
    }
  }
  return bytes;
}

function* pieces(random: SeededRandom, bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = [1, 1 + random(8), 1 + random(40), 1 + random(4_000), bytes.length][random(5)] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe(`the net-http2 server fed with noise (FUZZ_SEED=${SEED})`, function () {
  this.timeout(120_000);

  let lab: Http2ServerUnderTest | undefined;

  afterEach(() => lab?.end());

  it('reads the same frames and faults however the bytes are cut', () => {
    let faults = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const random = createSeededRandom(SEED + round);
      const bytes = mutated(random, validSession(random));
      const whole = frameReadings([bytes]);
      assert.deepEqual(frameReadings(pieces(random, bytes)), whole, `seed ${SEED + round}`);
      if (whole.at(-1)?.startsWith('fault') === true) faults++;
    }
    assert.ok(faults > ROUNDS / 20 && faults < ROUNDS, `${faults} faults: that is not a test of both`);
  });

  it('fails, hangs and leaks nothing, and serves others all the while', async () => {
    const server = await Http2ServerUnderTest.start(
      'net-http2',
      { maxConcurrentStreams: 20, defaultDeadlineMs: 300 },
      { sweepMs: 50 },
      [size],
    );
    lab = server;
    const round = async (seed: number): Promise<void> => {
      const random = createSeededRandom(seed);
      const wire = await Http2Wire.open(server.server.address);
      for (const piece of pieces(random, mutated(random, validSession(random)))) {
        wire.send(piece);
        if (random(4) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      // What the server says is well-formed whatever it heard.
      const last = Buffer.alloc(8, 0x7f);
      wire.send(frame(FrameType.PING, 0, 0, last));
      await wire
        .next(
          ({ type, flags, payload }) =>
            (type === FrameType.PING && flags === 1 && payload.equals(last)) || type === FrameType.GOAWAY,
          100,
        )
        .catch(() => {});
      for (const { type, flags, stream, payload } of wire.frames) {
        const isKnown = Object.values<number>(FrameType).includes(type) && type !== FrameType.CONTINUATION;
        assert.ok(isKnown && payload.length <= 120_000, `seed ${seed}: frame ${type} of ${payload.length} bytes`);
        assert.ok((flags & ~5) === 0 && stream <= 0x7fffffff, `seed ${seed}`);
      }
      wire.destroy();
    };
    const rounds = async (from: number, count: number): Promise<void> => {
      for (let at = 0; at < count; at += 10) {
        await Promise.all(Array.from({ length: 10 }, (_, i) => round(from + at + i)));
        await server.serves();
        const failures = server.echo.failures.splice(0);
        const isForeseen = ({ error, path }: (typeof failures)[number]) =>
          path !== undefined || error instanceof SideboardError;
        assert.deepEqual(
          failures.filter((each) => !isForeseen(each)),
          [],
        );
      }
      await server.hasNoCalls();
    };
    await rounds(SEED, ROUNDS / 2);
    // What a leak costs is there every time; what the engine allocates for itself is not.
    const growths: number[] = [];
    for (let at = 0; at < 6 && !growths.some((bytes) => bytes < 256 * 1024); at++) {
      const before = heapAfterGc();
      await rounds(SEED + ROUNDS * (at + 1), ROUNDS / 4);
      growths.push(heapAfterGc() - before);
    }
    assert.ok(
      growths.some((bytes) => bytes < 256 * 1024),
      `the heap grows: ${growths}`,
    );
  });
});
