import { copyBytes } from '../../encoding/wire.ts';

/** As many bytes as stand around an argument of a command at most: `$`, its length and two line ends. */
export const BULK_OVERHEAD = 15;

/** An argument of a command: `$<length>\r\n<bytes>\r\n`. */
export function bulkOf(argument: Uint8Array | string): Buffer {
  const bytes = typeof argument === 'string' ? Buffer.from(argument) : argument;
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
}

/** Writes a length, of an argument (`$`) or of a command (`*`); gives the position behind it. */
export function writeHead(kind: number, length: number, out: Uint8Array, start: number): number {
  out[start] = kind;
  const pos = writeDecimal(length, out, start + 1);
  out[pos] = 0x0d;
  out[pos + 1] = 0x0a;
  return pos + 2;
}

/** Writes all bytes; gives the position behind them. */
export function writeAll(bytes: Uint8Array, out: Uint8Array, pos: number): number {
  return copyBytes(bytes, 0, bytes.length, out, pos);
}

export function writeDecimal(n: number, out: Uint8Array, pos: number): number {
  const end = pos + decimalDigits(n);
  for (let at = end - 1, rest = n; at >= pos; at--, rest = Math.floor(rest / 10)) out[at] = 0x30 + (rest % 10);
  return end;
}

export function decimalDigits(n: number): number {
  let digits = 1;
  for (let rest = n; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return digits;
}
