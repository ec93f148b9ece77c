import { ConnectionFault, ErrorCode } from './protocol.ts';

/**
 * Lengths in bits of the codes of RFC 7541, appendix B, by symbol; the last is the end of the string. The code is canonical:
 * shorter codes come first, and those of the same length follow the symbols, so that the lengths say it all.
 */
// biome-ignore format: sixteen symbols a line
const codeLengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const END_OF_STRING = 256;
const MAX_BITS = 30;
const NIBBLES = 16;
/** In {@link transitions}: no symbol ends within the nibble, or the nibble is part of the end of the string. */
const NO_SYMBOL = 256;
const FORBIDDEN = 257;

/** Per state and nibble: the next state, and in the upper half what was read. A code has at least five bits, a nibble ends at most one. */
const transitions = new Uint32Array(256 * NIBBLES);
/** States in which a string may end: nothing but ones, seven at most, was read since the last symbol. */
const mayEnd = new Uint8Array(256);
buildTransitions();

/** A tree of the code, inner nodes numbered from the root; a negative number is a symbol, complemented. */
function buildTree(): Int16Array {
  const tree = new Int16Array(512);
  let nodes = 1;
  let code = 0;
  for (let bits = 1; bits <= MAX_BITS; bits++) {
    code *= 2;
    for (let symbol = 0; symbol <= END_OF_STRING; symbol++) {
      if (codeLengths[symbol] !== bits) continue;
      let node = 0;
      for (let bit = bits - 1; bit > 0; bit--) {
        const branch = node * 2 + ((code >>> bit) & 1);
        if (tree[branch] === 0) tree[branch] = nodes++;
        node = tree[branch] as number;
      }
      tree[node * 2 + (code & 1)] = ~symbol;
      code++;
    }
  }
  return tree;
}

function buildTransitions(): void {
  const tree = buildTree();
  for (let node = 0, ones = 0; ones < 8; ones++, node = tree[node * 2 + 1] as number) mayEnd[node] = 1;
  for (let state = 0; state < 256; state++) {
    for (let nibble = 0; nibble < NIBBLES; nibble++) {
      let node = state;
      let read = NO_SYMBOL;
      for (let bit = 3; bit >= 0; bit--) {
        const next = tree[node * 2 + ((nibble >>> bit) & 1)] as number;
        if (next >= 0) node = next;
        else {
          read = ~next === END_OF_STRING ? FORBIDDEN : ~next;
          if (read === FORBIDDEN) break;
          node = 0;
        }
      }
      transitions[state * NIBBLES + nibble] = (read << 16) | node;
    }
  }
}

/**
 * Decodes a Huffman-coded string (RFC 7541, section 5.2) into `out`, which needs room for 8/5 of its length.
 * @returns the length of the text
 * @throws ConnectionFault when it holds the end of the string, or ends in something other than at most seven ones
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    const first = transitions[state * NIBBLES + (byte >>> 4)] as number;
    const symbol = first >>> 16;
    if (symbol < NO_SYMBOL) out[length++] = symbol;
    const second = transitions[(first & 0xffff) * NIBBLES + (byte & 15)] as number;
    const other = second >>> 16;
    if (other < NO_SYMBOL) out[length++] = other;
    if (symbol === FORBIDDEN || other === FORBIDDEN) throw badString();
    state = second & 0xffff;
  }
  if (mayEnd[state] === 0) throw badString();
  return length;
}

function badString(): ConnectionFault {
  return new ConnectionFault(ErrorCode.COMPRESSION_ERROR, 'a Huffman-coded string is malformed');
}
