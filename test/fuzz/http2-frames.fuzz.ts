import assert from 'node:assert/strict';
import { frameReadings } from '../support/frame-readings.ts';
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  FrameType,
  frame,
  grpcMessage,
  headerBlock,
  unaryCall,
} from '../support/http2-wire.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { piecesOf } from './pieces.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const HELLO = Buffer.concat([PREFACE, frame(FrameType.SETTINGS, 0, 0), frame(FrameType.SETTINGS, 1, 0)]);
const PATH = '/feast.serving.ServingService/GetOnlineFeatures';
const block = headerBlock(callHeaders(PATH, { 'grpc-timeout': '100m' }));

/**
 * Frames of a client, behind the preface or with it: read the same however they are cut, and within their bytes. What a whole server
 * makes of such frames is tested in `test/transports/grpc/net-http2/fuzz.test.ts`.
 */
export const http2Frames: FuzzTarget = {
  name: 'http2-frames',
  form: 'binary',
  tokens: [PREFACE, ...[0, 1, 3, 4, 6, 8, 9].map((type) => frame(type, 0, 1, Buffer.alloc(8)))],
  seeds: () => [
    Buffer.concat([HELLO, unaryCall(1, PATH, Buffer.from([10, 0]))]),
    Buffer.concat([
      HELLO,
      frame(FrameType.HEADERS, 0, 1, block.subarray(0, 20)),
      frame(FrameType.CONTINUATION, END_HEADERS, 1, block.subarray(20)),
      frame(
        FrameType.DATA,
        8 | END_STREAM,
        1,
        Buffer.concat([Buffer.from([2]), grpcMessage(Buffer.from('x')), Buffer.alloc(2)]),
      ),
      frame(FrameType.WINDOW_UPDATE, 0, 0, Buffer.from([0, 0, 16, 0])),
      frame(FrameType.PING, 0, 0, Buffer.alloc(8, 7)),
    ]),
    Buffer.concat([
      PREFACE,
      frame(FrameType.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 16, 0])),
      frame(
        FrameType.HEADERS,
        0x20 | 8 | END_HEADERS,
        3,
        Buffer.concat([Buffer.from([1, 0, 0, 0, 1, 9]), block, Buffer.alloc(1)]),
      ),
      frame(2, 0, 5, Buffer.from([0, 0, 0, 3, 1])),
      frame(FrameType.RST_STREAM, 0, 3, Buffer.from([0, 0, 0, 8])),
      frame(FrameType.GOAWAY, 0, 0, Buffer.alloc(8)),
      frame(0x42, 0, 1, Buffer.from('unknown')),
    ]),
  ],
  check(input) {
    const whole = frameReadings([input]);
    assert.deepEqual(frameReadings(piecesOf(input)), whole);
  },
};
