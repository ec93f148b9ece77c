import { HpackDecoder } from './hpack-decoder.ts';
import { HeadCollector, type HeadLimits, type RequestHead } from './request-head.ts';

/** How many blocks of a connection are remembered, and how large they may be. */
const REMEMBERED = 4;
const MAX_REMEMBERED_BYTES = 512;

interface Remembered<Judged> {
  readonly bytes: Uint8Array;
  /** What the header table was when the block said this. */
  readonly version: number;
  readonly judged: Judged;
}

/**
 * Decodes the header blocks of one connection into what is to be done with its calls.
 *
 * A client that calls the same method again sends the same bytes again, once its fields stand in the table: such a block is
 * compared instead of decoded. Only blocks that leave the table as it was are remembered, and only for as long as it stays so.
 */
export class HeadDecoder<Judged> {
  readonly #hpack = new HpackDecoder();
  readonly #collector: HeadCollector;
  readonly #judge: (head: RequestHead) => Judged;
  readonly #remembered: Remembered<Judged>[] = [];
  #next = 0;

  /** @param judge what is made of a head; calls with the same block share it */
  constructor(limits: HeadLimits, judge: (head: RequestHead) => Judged) {
    this.#collector = new HeadCollector(limits);
    this.#judge = judge;
  }

  /** @throws ConnectionFault `COMPRESSION_ERROR` */
  request(bytes: Uint8Array, start: number, end: number): Judged {
    const { table } = this.#hpack;
    const { version } = table;
    const remembered = this.#remembered;
    for (let at = 0; at < remembered.length; at++) {
      const each = remembered[at] as Remembered<Judged>;
      if (each.version === version && isSame(each.bytes, bytes, start, end)) return each.judged;
    }
    this.#decode(bytes, start, end);
    const head = this.#collector.request();
    const judged = this.#judge(head);
    const isWorthIt = table.version === version && end - start <= MAX_REMEMBERED_BYTES;
    if (isWorthIt) this.#remember({ bytes: new Uint8Array(bytes.subarray(start, end)), version, judged });
    return judged;
  }

  /** @returns whether the block may stand behind a body. @throws ConnectionFault `COMPRESSION_ERROR` */
  trailers(bytes: Uint8Array, start: number, end: number): boolean {
    this.#decode(bytes, start, end);
    return this.#collector.areTrailers();
  }

  #decode(bytes: Uint8Array, start: number, end: number): void {
    this.#collector.reset();
    this.#hpack.decode(bytes, start, end, this.#collector);
  }

  #remember(block: Remembered<Judged>): void {
    this.#remembered[this.#next] = block;
    this.#next = (this.#next + 1) % REMEMBERED;
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  // From the end: what differs between calls, a deadline or a message's length, tends to stand there.
  for (let at = known.length - 1; at >= 0; at--) if (known[at] !== bytes[start + at]) return false;
  return true;
}
