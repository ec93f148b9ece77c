import assert from 'node:assert/strict';
import { deflateSync, gzipSync } from 'node:zlib';
import { isGrpcType, parseEncoding, parseTimeout } from '../../src/transports/grpc/grpc-headers.ts';
import { type MessageEncoding, MessageReader } from '../../src/transports/grpc/grpc-message.ts';
import { MessageQueue } from '../../src/transports/grpc/message-queue.ts';
import { grpcMessage } from '../support/http2-wire.ts';
import { type FuzzTarget, settledOrRefusal, valueOrRefusal } from './fuzz-target.ts';
import { piecesOf } from './pieces.ts';

const MAX_BYTES = 8_000;
const CODES = ['MALFORMED_FRAME', 'MESSAGE_TOO_LARGE'];
const ENCODINGS: readonly MessageEncoding[] = ['identity', 'gzip', 'deflate'];

/** The bytes of a call's DATA frames: one message or several, plain or compressed, however they are cut, and never more than is allowed. */
export const grpcMessages: FuzzTarget = {
  name: 'grpc-message',
  form: 'binary',
  seeds: () => [
    grpcMessage(Buffer.from('a message')),
    grpcMessage(gzipSync(Buffer.from('a message, a message, a message')), 1),
    grpcMessage(deflateSync(Buffer.alloc(5_000)), 1),
    // Unpacks to more than is allowed.
    grpcMessage(gzipSync(Buffer.alloc(100_000)), 1),
    Buffer.concat([grpcMessage(Buffer.from('one')), grpcMessage(Buffer.alloc(0)), grpcMessage(Buffer.from('three'))]),
  ],
  async check(input) {
    for (const encoding of ENCODINGS) {
      const whole = await unary([input], encoding);
      assert.deepEqual(await unary(piecesOf(input), encoding), whole);
      const messages = await streamed([input], encoding);
      assert.deepEqual(await streamed(piecesOf(input), encoding), messages);
      if (whole !== undefined) assert.deepEqual(messages, [whole]);
    }
  },
};

async function unary(pieces: Iterable<Buffer>, encoding: MessageEncoding): Promise<Buffer | undefined> {
  return settledOrRefusal(CODES, async () => {
    const reader = new MessageReader(MAX_BYTES);
    for (const piece of pieces) reader.push(piece);
    const message = await reader.finish(encoding);
    assert.ok(message.length <= MAX_BYTES);
    return message;
  });
}

async function streamed(pieces: Iterable<Buffer>, encoding: MessageEncoding): Promise<readonly Buffer[] | undefined> {
  return settledOrRefusal(CODES, async () => {
    const queue = new MessageQueue(MAX_BYTES, encoding);
    const messages: Buffer[] = [];
    for (const piece of pieces) {
      queue.push(piece);
      for (let message = queue.take(); message !== undefined; message = queue.take()) messages.push(await message);
    }
    queue.assertEnded();
    for (const { length } of messages) assert.ok(length <= MAX_BYTES);
    return messages;
  });
}

/** Texts of headers: `grpc-timeout`, `grpc-encoding`, `content-type`. */
export const grpcHeaders: FuzzTarget = {
  name: 'grpc-headers',
  form: 'text',
  tokens: ['application/grpc', '+proto', 'gzip', 'identity', 'deflate', 'H', 'M', 'S', 'm', 'u', 'n'],
  seeds: () =>
    ['100m', '1S', '99999999H', '00000001n', 'gzip', 'identity', 'application/grpc+proto; charset=x'].map((text) =>
      Buffer.from(text),
    ),
  check(input) {
    const text = input.toString('latin1');
    const timeout = valueOrRefusal(['MALFORMED_HEADER'], () => parseTimeout(text));
    assert.equal(timeout !== undefined, /^\d{1,8}[HMSmun]$/.test(text));
    if (timeout !== undefined) assert.ok(timeout >= 0 && Number.isFinite(timeout));
    valueOrRefusal(['UNSUPPORTED_COMPRESSION'], () => parseEncoding(text));
    isGrpcType(text);
  },
};
