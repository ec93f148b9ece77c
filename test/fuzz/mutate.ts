import type { SeededRandom } from '../support/seeded-random.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { mutateFields } from './mutate-fields.ts';
import { mutateJson } from './mutate-json.ts';

/** No input grows beyond this many bytes. */
export const MAX_INPUT_BYTES = 16_384;

const EDGES = [0, 1, 2, 4, 5, 8, 0x0a, 0x0d, 0x12, 0x20, 0x7f, 0x80, 0x81, 0xc0, 0xed, 0xfe, 0xff];
const NUMBERS = [0, 1, -1, 0x7f, 0x80, 0xff, 0x100, 0x3fff, 0x4000, 0xffff, 0x7fffffff, -0x80000000];
const TEXTS = [
  '-1',
  '0',
  '1e999',
  '99999999999999999999999999',
  '0x7f',
  'NaN',
  'null',
  '""',
  "'",
  '\0',
  '\u2028',
  '\ufeff',
  '\u{1f695}',
  '\r\n',
  '\n',
  '\t',
  '\\',
  '__proto__',
  'constructor',
  '../',
  '%00',
  '%s',
];
const HUGE_VARINTS = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
];

/** Another input, made of `input` and, now and then, of parts of `other`: one to six changes, or a random one altogether. */
export function mutated(random: SeededRandom, target: FuzzTarget, input: Buffer, other: Buffer): Buffer {
  if (random(200) === 0) return randomBytes(random, random(64));
  let bytes: Buffer = Buffer.from(input);
  for (let left = 1 + random(random(4) === 0 ? 6 : 2); left > 0; left--) {
    bytes = structured(random, target, bytes) ?? change(random, target, bytes, other);
  }
  return bytes.length > MAX_INPUT_BYTES ? bytes.subarray(0, MAX_INPUT_BYTES) : bytes;
}

/** A change that the form of the input knows; nothing for a change of bytes. */
function structured(random: SeededRandom, { form }: FuzzTarget, bytes: Buffer): Buffer | undefined {
  if (random(3) === 0) return undefined;
  if (form === 'protobuf') return mutateFields(random, bytes);
  return form === 'json' ? mutateJson(random, bytes) : undefined;
}

function change(random: SeededRandom, target: FuzzTarget, bytes: Buffer, other: Buffer): Buffer {
  const at = random(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random(random(4) === 0 ? 200 : 8));
  switch (random(12)) {
    case 0:
      return changedByte(bytes, at, (byte) => byte ^ (1 << random(8)));
    case 1:
      return changedByte(bytes, at, () => EDGES[random(EDGES.length)] ?? 0);
    case 2:
      return changedByte(bytes, at, (byte) => byte + (random(2) === 0 ? 1 : -1));
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    case 6:
      return inserted(bytes, at, at, randomBytes(random, 1 + random(8)));
    case 7: {
      const from = random(other.length + 1);
      const piece = other.subarray(from, from + 1 + random(random(2) === 0 ? 16 : other.length + 1));
      return inserted(bytes, at, random(2) === 0 ? at : end, piece);
    }
    case 8:
      return withNumber(random, bytes, at);
    case 9:
      return inserted(bytes, at, random(2) === 0 ? at : end, special(random, target));
    case 10:
      return repeated(random, bytes, at, end);
    default:
      return target.form === 'text'
        ? nested(random, bytes, at)
        : inserted(bytes, at, at, Buffer.from(pick(random, HUGE_VARINTS)));
  }
}

function changedByte(bytes: Buffer, at: number, next: (byte: number) => number): Buffer {
  const byte = bytes[at];
  if (byte === undefined) return bytes;
  const copy = Buffer.from(bytes);
  copy[at] = next(byte) & 0xff;
  return copy;
}

function inserted(bytes: Buffer, at: number, end: number, piece: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(end)]);
}

/** A number of two or four bytes, of either order: lengths and counts stand so in keys and frames. */
function withNumber(random: SeededRandom, bytes: Buffer, at: number): Buffer {
  const size = random(2) === 0 ? 2 : 4;
  if (at + size > bytes.length) return bytes;
  const copy = Buffer.from(bytes);
  const value = pick(random, NUMBERS) & (size === 2 ? 0x7fff : 0x7fffffff);
  if (random(2) === 0) copy.writeUIntLE(value, at, size);
  else copy.writeUIntBE(value, at, size);
  return copy;
}

function special(random: SeededRandom, { tokens = [], form }: FuzzTarget): Uint8Array {
  const own = tokens.length > 0 && random(3) > 0 ? tokens[random(tokens.length)] : undefined;
  if (own !== undefined) return typeof own === 'string' ? Buffer.from(own) : own;
  return isText({ form }) ? Buffer.from(pick(random, TEXTS)) : Buffer.from(pick(random, HUGE_VARINTS));
}

/** A stretch many times over: repeated fields, endless lines. */
function repeated(random: SeededRandom, bytes: Buffer, at: number, end: number): Buffer {
  const piece = bytes.subarray(at, end);
  const times = Math.min(1 + random(300), Math.floor(MAX_INPUT_BYTES / Math.max(1, piece.length)));
  return inserted(bytes, at, at, Buffer.concat(Array.from({ length: times }, () => piece)));
}

/** Brackets in brackets, quotes or indentation. */
function nested(random: SeededRandom, bytes: Buffer, at: number): Buffer {
  const [open, close] = pick(random, [
    ['[', ']'],
    ['{', '}'],
    ['{"a":', '}'],
    ['(', ')'],
    ['"', '"'],
    ['- ', ''],
    ['Array(', ')'],
  ]);
  const depth = 1 + random(random(4) === 0 ? 3_000 : 20);
  return inserted(bytes, at, at, Buffer.from(open.repeat(depth) + (random(2) === 0 ? close.repeat(depth) : '')));
}

function isText({ form }: Pick<FuzzTarget, 'form'>): boolean {
  return form === 'text' || form === 'json';
}

function randomBytes(random: SeededRandom, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)));
}

export function pick<T>(random: SeededRandom, from: readonly T[]): T {
  return from[random(from.length)] as T;
}
