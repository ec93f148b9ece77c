import assert from 'node:assert/strict';
import { HeadDecoder } from '../../../../src/transports/grpc/net-http2/head-decoder.ts';
import { HeaderField } from '../../../../src/transports/grpc/net-http2/header-field.ts';
import { HpackDecoder } from '../../../../src/transports/grpc/net-http2/hpack-decoder.ts';
import { decodeHuffman } from '../../../../src/transports/grpc/net-http2/hpack-huffman.ts';
import { HpackTable } from '../../../../src/transports/grpc/net-http2/hpack-table.ts';
import { netHttp2Limits } from '../../../../src/transports/grpc/net-http2/net-http2-limits.ts';
import { ConnectionFault, ErrorCode } from '../../../../src/transports/grpc/net-http2/protocol.ts';
import { heapAfterGc } from '../../../support/heap-after-gc.ts';

/** Decodes blocks of one connection, in their order. */
function decoderOf(tableSize?: number) {
  const decoder = new HpackDecoder(tableSize);
  return {
    table: decoder.table,
    decode(hex: string): string[] {
      const bytes = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
      const fields: HeaderField[] = [];
      // Not at the beginning of its buffer, as blocks of frames never are.
      const frame = Buffer.concat([Buffer.alloc(9, 0xff), bytes, Buffer.alloc(3, 0x82)]);
      decoder.decode(frame, 9, 9 + bytes.length, { field: (field) => fields.push(field) });
      return fields.map(({ name, value }) => `${name}: ${value}`);
    },
  };
}

const isCompressionError = (error: unknown) =>
  error instanceof ConnectionFault && error.errorCode === ErrorCode.COMPRESSION_ERROR;

const requests = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
];

const responses = [
  [
    ':status: 302',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 307',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 200',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:22 GMT',
    'location: https://www.example.com',
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];

/** RFC 7541, appendix C: series of blocks, and the size of the table behind each. */
const examples: Readonly<
  Record<string, { tableSize?: number; blocks: readonly string[]; fields: readonly string[][]; sizes: number[] }>
> = {
  'C.2.1, a literal that is added': {
    blocks: ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'],
    fields: [['custom-key: custom-header']],
    sizes: [55],
  },
  'C.2.2, a literal that is not added': {
    blocks: ['040c 2f73 616d 706c 652f 7061 7468'],
    fields: [[':path: /sample/path']],
    sizes: [0],
  },
  'C.2.3, a literal that is never added': {
    blocks: ['1008 7061 7373 776f 7264 0673 6563 7265 74'],
    fields: [['password: secret']],
    sizes: [0],
  },
  'C.2.4, an indexed field': { blocks: ['82'], fields: [[':method: GET']], sizes: [0] },
  'C.3, requests': {
    blocks: [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    fields: requests,
    sizes: [57, 110, 164],
  },
  'C.4, requests with Huffman coding': {
    blocks: [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
    fields: requests,
    sizes: [57, 110, 164],
  },
  'C.5, responses, a table of 256 bytes': {
    tableSize: 256,
    blocks: [
      `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32
       3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970
       7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61
       6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
    ],
    fields: responses,
    sizes: [222, 222, 215],
  },
  'C.6, responses with Huffman coding, a table of 256 bytes': {
    tableSize: 256,
    blocks: [
      `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
       1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
       e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ],
    fields: responses,
    sizes: [222, 222, 215],
  },
};

/** Blocks that nobody may send, behind a field that leaves one entry in the table. */
const wrong: Readonly<Record<string, string>> = {
  'index 0': '80',
  'an index behind the table': 'bf',
  'a name behind the table': '7f00 0161',
  'an index that is cut off': 'ff',
  'a literal without a name': '40',
  'a literal without a value': '4001 61',
  'a string that is cut off': '4001 6105 62',
  'a Huffman string that is cut off': '4001 6185 62',
  'an index that overflows': 'ff80 8080 8080 8080 8001',
  'a length that overflows': '4001 617f ffff ffff ff7f',
  'a length padded with zeros': '4001 617f 8080 8080 8000',
  'a table over the limit': '3fe2 1f',
  'a change of the table behind a field': '8220',
  'a change of the table that is cut off': '3f',
  'Huffman padding of a whole byte': '4001 6182 1fff',
  'Huffman padding of eight ones': '4001 6182 fbff',
  'Huffman padding with zeros': '4001 6181 18',
  'the end of string in a Huffman string': '4001 6184 ffff ffff',
  'the end of string in the middle': '4001 6185 1fff ffff ff',
};

describe('HPACK decoding', () => {
  for (const [name, { tableSize, blocks, fields, sizes }] of Object.entries(examples)) {
    it(`of RFC 7541, ${name}`, () => {
      const on = decoderOf(tableSize);
      for (const [at, block] of blocks.entries()) {
        assert.deepEqual(on.decode(block), fields[at]);
        assert.equal(on.table.size, sizes[at]);
      }
    });
  }

  for (const [what, block] of Object.entries(wrong)) {
    it(`refuses ${what}`, () => {
      const on = decoderOf();
      assert.deepEqual(on.decode('4001 6201 63'), ['b: c']);
      assert.throws(() => on.decode(block), isCompressionError);
    });
  }

  it('takes numbers of every length that it needs', () => {
    const on = decoderOf();
    for (const length of [0, 1, 126, 127, 128, 254, 255, 256, 16_510, 16_511, 70_000]) {
      const bytes = [Math.min(length, 127)];
      if (length >= 127) {
        let rest = length - 127;
        for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
        bytes.push(rest);
      }
      const block = Buffer.concat([Buffer.from([0, 1, 0x61, ...bytes]), Buffer.alloc(length, 'v')]);
      assert.deepEqual(on.decode(block.toString('hex')), [`a: ${'v'.repeat(length)}`]);
    }
  });

  it('empties the table for a field that does not fit, and goes on', () => {
    const on = decoderOf(64);
    on.decode('4001 6101 62');
    assert.equal(on.table.size, 34);
    on.decode(`4001 6140 ${'63'.repeat(64)}`);
    assert.equal(on.table.size, 0);
    on.decode('4001 6101 64');
    assert.deepEqual(on.decode('be'), ['a: d']);
  });

  it('takes several changes of the table at the beginning of a block, and forgets what no longer fits', () => {
    const on = decoderOf();
    on.decode('4001 6101 62 4001 6301 64');
    assert.deepEqual(on.decode('20 3fe1 1f 82'), [':method: GET']);
    assert.equal(on.table.size, 0);
    assert.throws(() => on.decode('be'), isCompressionError);
  });

  it('keeps the order of the table through thousands of entries', () => {
    const on = decoderOf(34 * 10 + 36);
    const added: string[] = [];
    for (let i = 0; i < 3_000; i++) {
      const name = String.fromCharCode(0x61 + (i % 26));
      const value = String.fromCharCode(0x61 + (i % 23));
      on.decode(`4001 ${Buffer.from(name).toString('hex')} 01 ${Buffer.from(value).toString('hex')}`);
      added.unshift(`${name}: ${value}`);
      const held = Math.min(added.length, 11);
      const index = i % held;
      assert.deepEqual(on.decode((0x80 + 62 + index).toString(16)), [added[index]]);
      assert.throws(() => on.decode((0x80 + 62 + held).toString(16)), isCompressionError);
    }
  });

  it('keeps nothing of what fell out of the table', () => {
    const table = new HpackTable(1_000);
    const before = heapAfterGc();
    for (let i = 0; i < 200_000; i++) table.add(new HeaderField('name', `value ${i}`, 0));
    const more = heapAfterGc() - before;
    assert.ok(more < 2 * 1024 * 1024, `${more} bytes more`);
    assert.ok(table.size > 900 && table.size <= 1_000);
  });

  it('knows when an index may have changed its meaning', () => {
    const on = decoderOf();
    const versions = ['82', '0001 6101 62', '4001 6101 62', 'be', '3f61', '0f2f 0161'].map((block) => {
      on.decode(block);
      return on.table.version;
    });
    assert.deepEqual(versions, [0, 0, 1, 1, 2, 2]);
  });
});

describe('heads of requests', () => {
  /** Decodes blocks of one connection; counts how many heads were judged. */
  function heads() {
    let judged = 0;
    const decoder = new HeadDecoder(netHttp2Limits, (head) => {
      judged++;
      return head;
    });
    return {
      judged: () => judged,
      request(hex: string) {
        const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
        return decoder.request(Buffer.concat([Buffer.alloc(9), bytes, Buffer.alloc(9)]), 9, 9 + bytes.length);
      },
      trailers(hex: string) {
        const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
        return decoder.trailers(bytes, 0, bytes.length);
      },
    };
  }
  const method = (letter: string) => `8386 4402 2f${Buffer.from(letter).toString('hex')}`;

  it('that are repeated are judged once, as long as the table stays as it is', () => {
    const on = heads();
    assert.equal(on.request(method('a')).path, '/a');
    const known = on.request('8386be');
    assert.equal(known.path, '/a');
    for (let i = 0; i < 10; i++) assert.equal(on.request('8386be'), known);
    assert.equal(on.judged(), 2);
    // The same bytes mean another method from here on.
    assert.equal(on.request(method('b')).path, '/b');
    assert.equal(on.request('8386be').path, '/b');
    assert.equal(on.request('8386bf').path, '/a');
    assert.equal(on.judged(), 5);
  });

  it('mean something else behind trailers that change the table, and behind a change of its size', () => {
    const on = heads();
    on.request(method('a'));
    on.request(method('b'));
    assert.equal(on.request('8386bf').path, '/a');
    on.trailers('4001 6101 62');
    assert.equal(on.request('8386bf').path, '/b');
    on.request(`20 3fe1 1f ${method('c')}`);
    assert.throws(() => on.request('8386bf'), isCompressionError);
  });

  it('that change the table are decoded every time', () => {
    const on = heads();
    for (let i = 0; i < 5; i++) on.request(method('a'));
    assert.equal(on.request('8386c2').path, '/a');
    assert.equal(on.judged(), 6);
  });

  it('of the same length and other bytes are not taken for each other', () => {
    const on = heads();
    const blocks = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => `8386 0402 2f${Buffer.from(letter).toString('hex')}`);
    for (let round = 0; round < 3; round++) {
      for (const [at, block] of blocks.entries()) assert.equal(on.request(block).path, `/${'abcdef'[at]}`);
    }
  });
});

describe('the Huffman code', () => {
  it('gives every symbol back', () => {
    // "\0" to "\xff" in one string, as nghttp2 encodes it, would not be a header: here each symbol stands alone, padded with ones.
    const codes: Readonly<Record<string, string>> = {
      '0': '07',
      a: '1f',
      ' ': '53',
      '%': '57',
      '&': 'f8',
      '!': 'fe3f',
      '?': 'ff3f',
      '#': 'ffaf',
      '\0': 'ffc7',
      '\\': 'fffe1f',
      '\n': 'fffffff3',
      '\u007f': 'ffffffcf',
      '\u00ff': 'fffffbbf',
      '\u00f9': 'ffffffef',
    };
    for (const [symbol, hex] of Object.entries(codes)) {
      const bytes = Buffer.from(hex, 'hex');
      const out = Buffer.alloc(8);
      assert.equal(decodeHuffman(bytes, 0, bytes.length, out), 1, symbol);
      assert.equal(out.toString('latin1', 0, 1), symbol);
    }
  });
});
