import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import fc from 'fast-check';
import { SideboardError } from '../../../src/errors.ts';
import { isGrpcType, parseEncoding, parseTimeout, percentEncode } from '../../../src/transports/grpc/grpc-headers.ts';
import { MessageReader } from '../../../src/transports/grpc/grpc-message.ts';
import { grpcFailureFrom } from '../../../src/transports/grpc/grpc-status.ts';
import { http2Limits } from '../../../src/transports/grpc/http2-limits.ts';
import { PingGuard } from '../../../src/transports/grpc/ping-guard.ts';
import { grpcServers } from '../../../src/transports/grpc/start-grpc-server.ts';
import { createEchoService } from '../../support/echo-service.ts';
import { grpcMessage } from '../../support/http2-wire.ts';

/** Any text, half surrogate pairs and control characters included. */
const anyText = fc.string({ unit: 'binary', maxLength: 300 }).map((text) => text.replaceAll('x', '\ud83d'));

function failure(message: string): SideboardError {
  return new SideboardError('SOME_CODE', 'not_found', message);
}

describe('grpc-message', () => {
  it('is printable ASCII, without spaces at its ends, and decodes to the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const encoded = percentEncode(text);
        assert.match(encoded, /^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?$/);
        assert.equal(decodeURIComponent(encoded), text);
      }),
    );
  });

  it('leaves what needs no encoding alone', () => {
    assert.equal(percentEncode('Known: "a", b; 3 < 4!'), 'Known: "a", b; 3 < 4!');
    assert.equal(percentEncode('100 %'), '100 %25');
    assert.equal(percentEncode(' ü\n '), '%20%C3%BC%0A%20');
    assert.equal(percentEncode(''), '');
  });

  it('fits into the headers that clients accept, however long the text is, and is well-formed', () => {
    const long = fc.tuple(anyText, fc.integer({ min: 1, max: 60 })).map(([text, times]) => text.repeat(times));
    fc.assert(
      fc.property(long, (text) => {
        const { message } = grpcFailureFrom(failure(text));
        assert.ok(percentEncode(message).length <= 4_009);
        assert.doesNotThrow(() => encodeURI(message));
        if (message.length < 1_000 && !message.endsWith('…')) {
          assert.equal(message, Buffer.from(text).toString());
        }
      }),
    );
  });

  for (const [name, start] of Object.entries(grpcServers)) {
    it(`arrives at a client of ${name} as it was written`, async () => {
      const echo = createEchoService();
      const handle = (message: Uint8Array) => {
        throw failure(Buffer.from(message).toString('utf16le'));
      };
      const server = await start([{ path: '/test.Fail/Fail', handle }], echo.options());
      const client = new Client(server.address, credentials.createInsecure());
      const bytes = (buffer: Buffer) => buffer;
      const details = (text: string) =>
        new Promise<string>((resolve) => {
          client.makeUnaryRequest('/test.Fail/Fail', bytes, bytes, Buffer.from(text, 'utf16le'), (error) =>
            resolve((error as ServiceError).details),
          );
        });
      await fc.assert(
        fc.asyncProperty(anyText, async (text) => {
          assert.equal(await details(text), grpcFailureFrom(failure(text)).message);
        }),
      );
      client.close();
      await server.close(1_000);
    });
  }
});

describe('grpc-timeout', () => {
  const units: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000001 };

  it('is a number of up to eight digits and a unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99_999_999 }), fc.constantFrom(...Object.keys(units)), (value, unit) => {
        assert.equal(parseTimeout(`${value}${unit}`), value * (units[unit] ?? 0));
      }),
    );
    assert.equal(parseTimeout('00000001S'), 1_000);
    assert.equal(parseTimeout(undefined), undefined);
  });

  for (const text of [
    '',
    'S',
    '1',
    '1s',
    '-1S',
    '+1S',
    '1.5S',
    ' 1S',
    '1S ',
    '123456789S',
    '1SS',
    '1S, 2S',
    '٣S',
    '0x1S',
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseTimeout(text), { code: 'MALFORMED_HEADER' });
    });
  }
});

describe('content-type', () => {
  for (const type of [
    'application/grpc',
    'application/grpc+proto',
    'application/grpc;x=y',
    'application/grpc ; x',
    'APPLICATION/grpc',
  ]) {
    it(`${type} is gRPC`, () => assert.equal(isGrpcType(type), true));
  }
  for (const type of [
    'application/grpc-web',
    'application/grpc+json',
    'application/grpcx',
    'text/plain',
    '',
    undefined,
  ]) {
    it(`${type} is not`, () => assert.equal(isGrpcType(type), false));
  }
});

describe('grpc-encoding', () => {
  it('is one that is known, or none', () => {
    assert.deepEqual([undefined, 'identity', 'gzip', 'deflate'].map(parseEncoding), [
      'identity',
      'identity',
      'gzip',
      'deflate',
    ]);
    for (const text of ['br', 'GZIP', 'gzip, gzip', '', 'toString']) {
      assert.throws(() => parseEncoding(text), { code: 'UNSUPPORTED_COMPRESSION' });
    }
  });
});

describe('a message in frames', () => {
  const message = fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes));
  const cuts = fc.array(fc.nat(505), { maxLength: 20 });

  /** The bytes in pieces, some of them empty. */
  function pieces(bytes: Buffer, at: readonly number[]): Buffer[] {
    const ends = [...at.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
    return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end));
  }

  function read(bytes: Buffer, at: readonly number[], limit: number, encoding: 'identity' | 'gzip' = 'identity') {
    const reader = new MessageReader(limit);
    for (const piece of pieces(bytes, at)) reader.push(piece);
    return reader.finish(encoding);
  }

  it('is the same however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(message, cuts, async (sent, at) => {
        assert.deepEqual(await read(grpcMessage(sent), at, 500), sent);
        assert.deepEqual(await read(grpcMessage(gzipSync(sent), 1), at, 1_000, 'gzip'), sent);
      }),
    );
  });

  it('is refused over the limit, and no sooner', () => {
    fc.assert(
      fc.property(message, cuts, fc.integer({ min: 0, max: 500 }), (sent, at, limit) => {
        const attempt = () => read(grpcMessage(sent), at, limit);
        if (sent.length > limit) assert.throws(attempt, { code: 'MESSAGE_TOO_LARGE' });
        else assert.deepEqual(attempt(), sent);
      }),
    );
  });

  it('is refused when it is not exactly one message', () => {
    fc.assert(
      fc.property(message, cuts, fc.integer({ min: -520, max: 20 }), (sent, at, more) => {
        fc.pre(more !== 0);
        const whole = grpcMessage(sent);
        const wrong =
          more < 0 ? whole.subarray(0, Math.max(0, whole.length + more)) : Buffer.concat([whole, Buffer.alloc(more)]);
        assert.throws(() => read(wrong, at, 10_000), { code: 'MALFORMED_FRAME' });
      }),
    );
  });
});

describe('the ping guard', () => {
  const pong = 17;
  let written = 1_000;
  const guard = () => new PingGuard(http2Limits, () => written);
  /** A ping, and its answer. */
  const pinged = (on: PingGuard, now: number): boolean => {
    const tooMany = on.pinged(now);
    written += pong;
    return tooMany;
  };

  it('allows two pings that come early, and no third', () => {
    const on = guard();
    assert.deepEqual(
      [0, 1, 2, 3].map((now) => pinged(on, now)),
      [false, false, false, true],
    );
  });

  it('allows pings at their least interval for ever', () => {
    const on = guard();
    for (let i = 0; i < 1_000; i++) assert.equal(pinged(on, i * http2Limits.minPingIntervalMs), false);
  });

  it('allows any number around calls', () => {
    const on = guard();
    for (let i = 0; i < 1_000; i++) {
      on.called();
      assert.equal(pinged(on, i), false);
      assert.equal(pinged(on, i), false);
    }
  });

  it('allows any number while something is sent, and counts again afterwards', () => {
    const on = guard();
    for (let i = 0; i < 1_000; i++) {
      assert.equal(pinged(on, i), false);
      written += 16_384;
    }
    assert.deepEqual(
      [1_001, 1_002, 1_003, 1_004].map((now) => pinged(on, now)),
      [false, false, false, true],
    );
  });

  it('does not take answers to pings for traffic, even when they are written late', () => {
    const on = guard();
    const outcomes = Array.from({ length: 10 }, (_, now) => on.pinged(now));
    written += 10 * pong;
    assert.equal(outcomes.at(-1), true);
    assert.equal(on.pinged(11), true);
  });
});
