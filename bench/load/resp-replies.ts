const LF = 0x0a;
const ZERO = 0x30;
const NINE = 0x39;
const BULK = 0x24;
const ARRAY = 0x2a;
const MINUS = 0x2d;

/**
 * Counts whole replies in a stream of RESP2 bytes without keeping any of them. Knows what HMGET answers: flat arrays of bulk
 * strings, nulls and errors. Chunks may end anywhere.
 */
export class RespReplies {
  /** Elements of the current array that are still to come. */
  #elements = 0;
  /** Bytes of the current bulk string that are still to come, its line end included. */
  #skip = 0;
  /** First byte of the current line; 0 between lines. */
  #type = 0;
  #number = 0;
  #negative = false;
  #faults = 0;

  /** Errors and nulls so far: reads of what is there have neither. */
  get faults(): number {
    return this.#faults;
  }

  /** @returns how many replies ended in this chunk */
  feed(chunk: Uint8Array): number {
    let replies = 0;
    for (let pos = 0; pos < chunk.length; ) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - pos);
        this.#skip -= step;
        pos += step;
        if (this.#skip === 0) replies += this.#endElement();
        continue;
      }
      const byte = chunk[pos++] ?? 0;
      if (byte === LF) replies += this.#endLine();
      else if (this.#type === 0) this.#type = byte;
      else if (byte >= ZERO && byte <= NINE) this.#number = this.#number * 10 + byte - ZERO;
      else if (byte === MINUS) this.#negative = true;
    }
    return replies;
  }

  #endLine(): number {
    const type = this.#type;
    const number = this.#number;
    const negative = this.#negative;
    this.#type = 0;
    this.#number = 0;
    this.#negative = false;
    if (type === BULK && !negative) {
      this.#skip = number + 2;
      return 0;
    }
    if (type === ARRAY && !negative && number > 0) {
      this.#elements = number;
      return 0;
    }
    if (negative || type === MINUS) this.#faults++;
    return this.#endElement();
  }

  #endElement(): number {
    if (this.#elements > 0) this.#elements--;
    return this.#elements === 0 ? 1 : 0;
  }
}
