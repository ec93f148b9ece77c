import assert from 'node:assert/strict';
import { ErrorCode } from '../../../../src/transports/grpc/net-http2/protocol.ts';
import { Http2ServerUnderTest, pause } from '../../../support/http2-server-under-test.ts';
import {
  ACK,
  callHeaders,
  END_HEADERS,
  END_STREAM,
  FrameType,
  frame,
  goawayOf,
  grpcMessage,
  type Http2Wire,
  headerBlock,
  unaryCall,
} from '../../../support/http2-wire.ts';

const PADDED = 8;
const PRIORITY = 0x20;
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const whole = grpcMessage(Buffer.from('x'));
const echo = callHeaders('/test.Echo/Echo');

const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const setting = (id: number, value: number) => Buffer.concat([Buffer.from([0, id]), uint32(value)]);
const headers = (fields: Readonly<Record<string, string>>, flags = END_HEADERS | END_STREAM, id = 1) =>
  frame(FrameType.HEADERS, flags, id, headerBlock(fields));
const without = (name: string) => Object.fromEntries(Object.entries(echo).filter(([each]) => each !== name));
const begin = headers(echo, END_HEADERS);
const PUSH_PROMISE = 5;
const PRIORITY_FRAME = 2;

/** What ends the connection: the code of the GOAWAY that says why. */
const connectionFaults: Readonly<Record<string, [errorCode: number, ...frames: Buffer[]]>> = {
  'an even stream': [ErrorCode.PROTOCOL_ERROR, headers(echo, END_HEADERS, 2)],
  'a stream of a lower number': [ErrorCode.STREAM_CLOSED, unaryCall(5, '/test.Echo/Echo', whole), headers(echo, 5, 3)],
  'headers of stream 0': [ErrorCode.PROTOCOL_ERROR, headers(echo, END_HEADERS, 0)],
  'data of stream 0': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.DATA, 0, 0, whole)],
  'padded data of stream 0': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.DATA, PADDED, 0, Buffer.from([0, 1]))],
  'data of a stream that was never opened': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.DATA, 0, 1, whole)],
  'a reset of a stream that was never opened': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.RST_STREAM, 0, 1, uint32(8))],
  'a window of a stream that was never opened': [
    ErrorCode.PROTOCOL_ERROR,
    frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(8)),
  ],
  'a reset of stream 0': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.RST_STREAM, 0, 0, uint32(8))],
  'a reset of three bytes': [ErrorCode.FRAME_SIZE_ERROR, begin, frame(FrameType.RST_STREAM, 0, 1, Buffer.alloc(3))],
  'a window update of five bytes': [ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.WINDOW_UPDATE, 0, 0, Buffer.alloc(5))],
  'a window of nothing': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0))],
  'a window that overflows': [ErrorCode.FLOW_CONTROL_ERROR, frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0x7fffffff))],
  'a ping of seven bytes': [ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.PING, 0, 0, Buffer.alloc(7))],
  'a ping of a stream': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.PING, 0, 1, Buffer.alloc(8))],
  'settings of five bytes': [ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(5))],
  'settings of a stream': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.SETTINGS, 0, 1)],
  'an acknowledgement with settings': [ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.SETTINGS, ACK, 0, setting(4, 9))],
  'pushing set to 2': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.SETTINGS, 0, 0, setting(2, 2))],
  'windows over 2^31-1': [ErrorCode.FLOW_CONTROL_ERROR, frame(FrameType.SETTINGS, 0, 0, setting(4, 0x80000000))],
  'windows that overflow with what was added before': [
    ErrorCode.FLOW_CONTROL_ERROR,
    begin,
    frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(1_000_000)),
    frame(FrameType.SETTINGS, 0, 0, setting(4, 0x7fffffff)),
  ],
  'frames under 16,384 bytes': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.SETTINGS, 0, 0, setting(5, 16_383))],
  'frames over 2^24-1 bytes': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.SETTINGS, 0, 0, setting(5, 0x1000000))],
  'a frame over the size': [ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.DATA, 0, 1, Buffer.alloc(16_385))],
  'a push': [ErrorCode.PROTOCOL_ERROR, frame(PUSH_PROMISE, END_HEADERS, 1, uint32(2))],
  'a GOAWAY of a stream': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.GOAWAY, 0, 1, Buffer.alloc(8))],
  'a GOAWAY of seven bytes': [ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.GOAWAY, 0, 0, Buffer.alloc(7))],
  'a priority of four bytes': [ErrorCode.FRAME_SIZE_ERROR, frame(PRIORITY_FRAME, 0, 1, Buffer.alloc(4))],
  'a priority of stream 0': [ErrorCode.PROTOCOL_ERROR, frame(PRIORITY_FRAME, 0, 0, Buffer.alloc(5))],
  'headers too short for their priority': [
    ErrorCode.FRAME_SIZE_ERROR,
    frame(FrameType.HEADERS, END_HEADERS | PRIORITY, 1, Buffer.alloc(4)),
  ],
  'padding as long as its frame': [
    ErrorCode.PROTOCOL_ERROR,
    begin,
    frame(FrameType.DATA, PADDED, 1, Buffer.from([5, 0, 0, 0, 0])),
  ],
  'padding of a frame without bytes': [ErrorCode.PROTOCOL_ERROR, begin, frame(FrameType.DATA, PADDED, 1)],
  'padding of headers over their end': [
    ErrorCode.PROTOCOL_ERROR,
    frame(FrameType.HEADERS, END_HEADERS | PADDED, 1, Buffer.from([9, 0x82])),
  ],
  'a continuation of nothing': [ErrorCode.PROTOCOL_ERROR, frame(FrameType.CONTINUATION, END_HEADERS, 1)],
  'a ping within a header block': [
    ErrorCode.PROTOCOL_ERROR,
    headers(echo, 0),
    frame(FrameType.PING, 0, 0, Buffer.alloc(8)),
  ],
  'a frame that is unknown within a header block': [ErrorCode.PROTOCOL_ERROR, headers(echo, 0), frame(99, 0, 0)],
  'a continuation of another stream': [
    ErrorCode.PROTOCOL_ERROR,
    headers(echo, 0),
    frame(FrameType.CONTINUATION, END_HEADERS, 3),
  ],
  'a header block that cannot be read': [
    ErrorCode.COMPRESSION_ERROR,
    frame(FrameType.HEADERS, END_HEADERS, 1, Buffer.alloc(10, 0xff)),
  ],
  'trailers that cannot be read': [
    ErrorCode.COMPRESSION_ERROR,
    begin,
    frame(FrameType.HEADERS, 5, 1, Buffer.alloc(10, 0xff)),
  ],
  'a block of a refused stream that cannot be read': [
    ErrorCode.COMPRESSION_ERROR,
    unaryCall(5, '/test.Echo/Echo', whole),
    frame(FrameType.HEADERS, 5, 3, Buffer.alloc(10, 0xff)),
  ],
};

/** What ends a stream: the code of its reset. Neighbours go on. */
const streamFaults: Readonly<Record<string, [errorCode: number, ...frames: Buffer[]]>> = {
  'no method': [ErrorCode.PROTOCOL_ERROR, headers(without(':method'))],
  'no scheme': [ErrorCode.PROTOCOL_ERROR, headers(without(':scheme'))],
  'no path': [ErrorCode.PROTOCOL_ERROR, headers(without(':path'))],
  'no fields at all': [ErrorCode.PROTOCOL_ERROR, headers({})],
  'an empty path': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, ':path': '' })],
  'an upper-case name': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, 'X-a': 'b' })],
  'an empty name': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, '': 'b' })],
  'a name with a space': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, 'a b': 'b' })],
  'a line break in a value': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, a: 'b\r\nc' })],
  'a NUL in a value': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, a: 'b\0c' })],
  'a space before a value': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, a: ' b' })],
  'a tab behind a value': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, a: 'b\t' })],
  'a pseudo-header behind others': [
    ErrorCode.PROTOCOL_ERROR,
    headers({ ...without(':path'), ':path': '/test.Echo/Echo' }),
  ],
  'a pseudo-header of answers': [ErrorCode.PROTOCOL_ERROR, headers({ ':status': '200', ...echo })],
  'an unknown pseudo-header': [ErrorCode.PROTOCOL_ERROR, headers({ ':protocol': 'x', ...echo })],
  'two methods': [
    ErrorCode.PROTOCOL_ERROR,
    frame(FrameType.HEADERS, 5, 1, Buffer.concat([headerBlock({ ':method': 'POST' }), headerBlock(echo)])),
  ],
  'two authorities': [
    ErrorCode.PROTOCOL_ERROR,
    frame(FrameType.HEADERS, 5, 1, Buffer.concat([headerBlock({ ':authority': 'a' }), headerBlock(echo)])),
  ],
  'the header connection': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, connection: 'close' })],
  'the header transfer-encoding': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, 'transfer-encoding': 'chunked' })],
  'the header upgrade': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, upgrade: 'h2c' })],
  'the header te, but for trailers': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, te: 'gzip' })],
  'a content length that is none': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, 'content-length': '6x' })],
  'two content lengths': [
    ErrorCode.PROTOCOL_ERROR,
    frame(
      FrameType.HEADERS,
      END_HEADERS,
      1,
      Buffer.concat([headerBlock({ ...echo, 'content-length': '6' }), headerBlock({ 'content-length': '7' })]),
    ),
  ],
  'less than the content length': [
    ErrorCode.PROTOCOL_ERROR,
    headers({ ...echo, 'content-length': '7' }, END_HEADERS),
    frame(FrameType.DATA, END_STREAM, 1, whole),
  ],
  'more than the content length': [
    ErrorCode.PROTOCOL_ERROR,
    headers({ ...echo, 'content-length': '5' }, END_HEADERS),
    frame(FrameType.DATA, 0, 1, whole),
  ],
  'a content length and no body': [ErrorCode.PROTOCOL_ERROR, headers({ ...echo, 'content-length': '7' })],
  'headers that depend on themselves': [
    ErrorCode.PROTOCOL_ERROR,
    frame(FrameType.HEADERS, 5 | PRIORITY, 1, Buffer.concat([uint32(1), Buffer.from([0]), headerBlock(echo)])),
  ],
  'a stream that comes to depend on itself': [
    ErrorCode.PROTOCOL_ERROR,
    begin,
    frame(PRIORITY_FRAME, 0, 1, Buffer.concat([uint32(0x80000001), Buffer.from([0])])),
  ],
  'second headers that are not trailers': [ErrorCode.PROTOCOL_ERROR, begin, headers({ a: 'b' }, END_HEADERS)],
  'a pseudo-header in trailers': [ErrorCode.PROTOCOL_ERROR, begin, headers({ ':path': '/' })],
  'data behind the end': [
    ErrorCode.STREAM_CLOSED,
    unaryCall(1, '/test.Echo/Wait', Buffer.from('5000')),
    frame(FrameType.DATA, 0, 1, whole),
  ],
  'headers behind the end': [
    ErrorCode.STREAM_CLOSED,
    unaryCall(1, '/test.Echo/Wait', Buffer.from('5000')),
    headers({ a: 'b' }),
  ],
  'data of a call that was answered': [
    ErrorCode.STREAM_CLOSED,
    unaryCall(1, '/test.Echo/Echo', Buffer.from('x')),
    frame(FrameType.DATA, 0, 1, whole),
  ],
  'a window of nothing': [ErrorCode.PROTOCOL_ERROR, begin, frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(0))],
  'a window that overflows': [
    ErrorCode.FLOW_CONTROL_ERROR,
    begin,
    frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(0x7fffffff)),
  ],
  '129 fields': [
    ErrorCode.ENHANCE_YOUR_CALM,
    headers({ ...echo, ...Object.fromEntries(Array.from({ length: 123 }, (_, i) => [`x${i}`, ''])) }),
  ],
};

/** What may be sent, although no client does: the call is answered. */
const allowed: Readonly<Record<string, readonly Buffer[]>> = {
  '128 fields': [
    headers({ ...echo, ...Object.fromEntries(Array.from({ length: 122 }, (_, i) => [`x${i}`, ''])) }, END_HEADERS),
    frame(FrameType.DATA, END_STREAM, 1, whole),
  ],
  'padding of data and headers, and a priority': [
    frame(
      FrameType.HEADERS,
      END_HEADERS | PADDED | PRIORITY,
      1,
      Buffer.concat([Buffer.from([7]), uint32(3), Buffer.from([9]), headerBlock(echo), Buffer.alloc(7)]),
    ),
    frame(FrameType.DATA, PADDED, 1, Buffer.concat([Buffer.from([3]), whole.subarray(0, 2), Buffer.alloc(3)])),
    frame(
      FrameType.DATA,
      PADDED | END_STREAM,
      1,
      Buffer.concat([Buffer.from([255]), whole.subarray(2), Buffer.alloc(255)]),
    ),
  ],
  'data that is all padding': [
    begin,
    frame(FrameType.DATA, PADDED, 1, Buffer.from([4, 0, 0, 0, 0])),
    frame(FrameType.DATA, END_STREAM, 1, whole),
  ],
  'trailers behind the message': [begin, frame(FrameType.DATA, 0, 1, whole), headers({ 'x-checksum': '7' })],
  'a header block in pieces, one of them empty': [
    frame(FrameType.HEADERS, 0, 1, headerBlock(echo).subarray(0, 11)),
    frame(FrameType.CONTINUATION, 0, 1),
    frame(FrameType.CONTINUATION, 0, 1, headerBlock(echo).subarray(11, 30)),
    frame(FrameType.CONTINUATION, END_HEADERS, 1, headerBlock(echo).subarray(30)),
    frame(FrameType.DATA, END_STREAM, 1, whole),
  ],
  'unknown frames, flags, settings and reserved bits': [
    frame(FrameType.SETTINGS, 0xfe, 0, setting(0xf0, 77)),
    frame(0xfa, 0xff, 77, Buffer.alloc(100)),
    frame(FrameType.HEADERS, END_HEADERS | 0xc2, 0x80000001 >>> 0, headerBlock(echo)),
    frame(FrameType.DATA, END_STREAM | 0xf6, 1, whole),
  ],
  'a priority of a stream that is not there': [
    frame(PRIORITY_FRAME, 0, 99, Buffer.concat([uint32(1), Buffer.from([1])])),
    unaryCall(1, '/test.Echo/Echo', Buffer.from('x')),
  ],
  'a window and a reset of a call that was answered': [
    unaryCall(1, '/test.Echo/Echo', Buffer.from('x')),
    frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(5)),
    frame(FrameType.RST_STREAM, 0, 1, uint32(8)),
    unaryCall(3, '/test.Echo/Echo', Buffer.from('x')),
  ],
};

const answered = (wire: Http2Wire, id: number) =>
  wire.next(({ type, flags, stream }) => type === FrameType.HEADERS && flags === 5 && stream === id);

describe('the net-http2 server and frames that', () => {
  let lab: Http2ServerUnderTest;

  before(async () => {
    lab = await Http2ServerUnderTest.start('net-http2');
  });
  after(() => lab.end());

  describe('break the protocol of the connection', () => {
    for (const [what, [errorCode, ...frames]] of Object.entries(connectionFaults)) {
      it(`${what}: it says why and hangs up`, async () => {
        const wire = await lab.greet();
        wire.send(...frames);
        const { code, text } = goawayOf(await wire.next(({ type }) => type === FrameType.GOAWAY));
        assert.equal(code, errorCode, text);
        await wire.hungUp(1_000);
        await lab.hasNoCalls();
      });
    }

    for (const [what, bytes] of Object.entries({
      'anything before the settings': Buffer.concat([PREFACE, frame(FrameType.PING, 0, 0, Buffer.alloc(8))]),
      'an acknowledgement before the settings': Buffer.concat([PREFACE, frame(FrameType.SETTINGS, ACK, 0)]),
    })) {
      it(`${what}: it says why and hangs up`, async () => {
        const wire = await lab.open();
        wire.send(bytes);
        const { code } = goawayOf(await wire.next(({ type }) => type === FrameType.GOAWAY));
        assert.equal(code, ErrorCode.PROTOCOL_ERROR);
        await wire.hungUp(1_000);
      });
    }
  });

  describe('break the protocol of a stream', () => {
    for (const [what, [errorCode, ...frames]] of Object.entries(streamFaults)) {
      it(`${what}: only that stream is reset`, async () => {
        const wire = await lab.greet();
        wire.send(...frames);
        const { stream, payload } = await wire.next(({ type }) => type === FrameType.RST_STREAM);
        assert.equal(stream, 1);
        assert.equal(payload.readUInt32BE(0), errorCode);
        wire.send(unaryCall(7, '/test.Echo/Echo', Buffer.from('neighbour')));
        await answered(wire, 7);
        assert.ok(!wire.frames.some(({ type }) => type === FrameType.GOAWAY));
        await lab.hasNoCalls();
      });
    }
  });

  describe('are unusual', () => {
    for (const [what, frames] of Object.entries(allowed)) {
      it(`${what}: the call is answered`, async () => {
        const wire = await lab.greet();
        wire.send(...frames);
        await answered(wire, 1);
        const data = wire.frames.filter(({ type, stream }) => type === FrameType.DATA && stream === 1);
        assert.deepEqual(
          data.map(({ payload }) => payload),
          [whole],
        );
        await pause(10);
        assert.ok(!wire.frames.some(({ type }) => type === FrameType.GOAWAY || type === FrameType.RST_STREAM));
        // The same byte by byte.
        const slow = await lab.greet();
        for (const byte of Buffer.concat(frames)) slow.send(Buffer.from([byte]));
        await answered(slow, 1);
        assert.deepEqual(
          slow.frames
            .filter(({ type, stream }) => type === FrameType.DATA && stream === 1)
            .map(({ payload }) => payload),
          [whole],
        );
      });
    }
  });

  it('are HTTP/1.1: it is told so in its own language', async () => {
    const { connect } = await import('node:net');
    for (const [request, pattern] of [
      [
        'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n',
        /^HTTP\/1\.1 505 [^\n]*\r\n(?:[^\n]+\r\n)+\r\nThis port speaks gRPC/,
      ],
      ['NOT HTTP', /^$/],
    ] as const) {
      const [host, port] = lab.server.address.split(':');
      const socket = connect(Number(port), host);
      socket.write(request);
      let received = '';
      for await (const bytes of socket) received += (bytes as Buffer).toString('latin1');
      assert.match(received, pattern);
    }
  });
});
