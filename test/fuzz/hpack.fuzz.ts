import assert from 'node:assert/strict';
import { HeadDecoder } from '../../src/transports/grpc/net-http2/head-decoder.ts';
import type { HeaderField } from '../../src/transports/grpc/net-http2/header-field.ts';
import { HpackDecoder } from '../../src/transports/grpc/net-http2/hpack-decoder.ts';
import { ConnectionFault, ErrorCode } from '../../src/transports/grpc/net-http2/protocol.ts';
import type { RequestHead } from '../../src/transports/grpc/net-http2/request-head.ts';
import { callHeaders, headerBlock, hpackString } from '../support/http2-wire.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const LIMITS = { maxHeaderBytes: 16_384, maxHeaderFields: 100 };
/** As an attacker would: a small block may not become a large list. The table has 4,096 bytes, of which an index names all. */
const MAX_EXPANSION = 4_200;

/**
 * Header blocks, several of a connection behind one another (each behind its length in two bytes). The table keeps its bound; a block
 * that is compared with an earlier one says what decoding says; fields that were read, written plainly and read again, are the same.
 */
export const hpack: FuzzTarget = {
  name: 'hpack',
  form: 'binary',
  tokens: [
    Buffer.from([0x82]),
    Buffer.from([0xbe]),
    Buffer.from([0x3f, 0xe1, 0x1f]),
    Buffer.from([0x20]),
    Buffer.from([0x7f, 0xff, 0xff, 0xff, 0x7f]),
    Buffer.from([0x40, 0x81, 0xff, 0x81, 0xff]),
  ],
  seeds: () => {
    const call = headerBlock(callHeaders('/feast.serving.ServingService/GetOnlineFeatures', { 'grpc-timeout': '1S' }));
    // RFC 7541, appendix C.4 and C.6: Huffman-coded requests and answers of one connection.
    const coded = [
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ];
    const answers = [
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
    ];
    return [
      blocks([call, call]),
      blocks(coded.map((hex) => Buffer.from(hex, 'hex'))),
      blocks(answers.map((hex) => Buffer.from(hex, 'hex'))),
      blocks([Buffer.from([0x3f, 0xe1, 0x1f, 0x20, 0x82]), Buffer.from([0x40, 1, 0x61, 1, 0x62, 0xbe])]),
    ];
  },
  check(input) {
    const decoder = new HpackDecoder();
    const remembering = new HeadDecoder<RequestHead>(LIMITS, (head) => head);
    for (const block of blocksIn(input)) {
      const fields: HeaderField[] = [];
      const fault = faultOf(() => decoder.decode(block, 0, block.length, { field: (field) => fields.push(field) }));
      assert.ok(decoder.table.size <= 4_096, 'the table outgrows its bound');
      let head: RequestHead | undefined;
      const sameFault = faultOf(() => {
        head = remembering.request(block, 0, block.length);
      });
      assert.equal(sameFault, fault);
      if (fault !== undefined) return;
      const size = fields.reduce((sum, field) => sum + field.size, 0);
      assert.ok(size <= block.length * MAX_EXPANSION);
      const fresh = new HeadDecoder<RequestHead>(LIMITS, (each) => each);
      const plain = Buffer.concat(fields.map(({ name, value }) => plainField(name, value)));
      assert.deepEqual(fresh.request(plain, 0, plain.length), head);
    }
  },
};

function faultOf(decode: () => void): string | undefined {
  try {
    decode();
  } catch (error) {
    if (error instanceof ConnectionFault && error.errorCode === ErrorCode.COMPRESSION_ERROR) return error.message;
    throw error;
  }
  return undefined;
}

function blocks(each: readonly Buffer[]): Buffer {
  return Buffer.concat(each.flatMap((block) => [Buffer.from([block.length >> 8, block.length & 0xff]), block]));
}

function* blocksIn(input: Buffer): Generator<Buffer> {
  for (let at = 0; at + 2 <= input.length; ) {
    const end = at + 2 + input.readUInt16BE(at);
    yield input.subarray(at + 2, end);
    at = end;
  }
}

/** A literal without indexing (RFC 7541, section 6.2.2), name and value spelled out, one byte a character. */
function plainField(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), ...[name, value].map((text) => hpackString(Buffer.from(text, 'latin1')))]);
}
