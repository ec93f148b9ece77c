import { ANSWER_TYPE, percentEncode } from '../grpc-headers.ts';
import { ACCEPTED_ENCODINGS } from '../grpc-message.ts';
import { CODE_TRAILER, type GrpcFailure } from '../grpc-status.ts';
import { DEFAULT_TABLE_SIZE } from './protocol.ts';

/** First bytes of fields, and of a change of the table's size (RFC 7541, section 6). */
const INDEXED = 0x80;
const WITH_INDEXING = 0x40;
const WITHOUT_INDEXING = 0x00;
const RESIZE = 0x20;
/** In the static table. */
const STATUS_200 = 8;
/** The newest entry of the dynamic table. */
const NEWEST = 62;

const TYPE = ['content-type', ANSWER_TYPE] as const;
const ENCODINGS = ['grpc-accept-encoding', ACCEPTED_ENCODINGS] as const;
const STATUS = ['grpc-status', '0'] as const;
/** What the three take in the client's table. */
const TABLE_NEEDED = [TYPE, ENCODINGS, STATUS].reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);

const ok = Buffer.from([INDEXED | STATUS_200]);
const literalHead = Buffer.concat([ok, literal(WITHOUT_INDEXING, ...TYPE), literal(WITHOUT_INDEXING, ...ENCODINGS)]);
const firstHead = Buffer.concat([ok, literal(WITH_INDEXING, ...TYPE), literal(WITH_INDEXING, ...ENCODINGS)]);
const headBeforeStatus = Buffer.concat([ok, Buffer.from([INDEXED | (NEWEST + 1), INDEXED | NEWEST])]);
const knownHead = Buffer.concat([ok, Buffer.from([INDEXED | (NEWEST + 2), INDEXED | (NEWEST + 1)])]);
const literalTrailers = literal(WITHOUT_INDEXING, ...STATUS);
const firstTrailers = literal(WITH_INDEXING, ...STATUS);
const knownTrailers = Buffer.from([INDEXED | NEWEST]);

/** What the client's table holds of ours: nothing yet, the fields of a head, those and the status; or it has no room. */
type Held = 'nothing' | 'head' | 'all' | 'no room';

/** Room that the head and the trailers of an answer take at most, a change of the table's size included. */
export const MAX_ANSWER_BLOCKS = literalHead.length + literalTrailers.length + 16;

/**
 * Header blocks of answers. The fields that every answer has are put into the client's table by the first one; from then on a
 * head takes three bytes and trailers one. Every block that is taken from here has to be sent, in the same order.
 */
export class AnswerBlocks {
  #held: Held = 'nothing';
  #tableSize = DEFAULT_TABLE_SIZE;
  #resized = false;

  /** Head of an answer with a message. */
  head(): Uint8Array {
    if (this.#held === 'all' && !this.#resized) return knownHead;
    const resize = this.#resize();
    const isFirst = this.#held === 'nothing';
    const block = isFirst ? firstHead : this.#knownHead();
    if (isFirst) this.#held = 'head';
    return resize === undefined ? block : Buffer.concat([resize, block]);
  }

  /** Trailers of a call that succeeded. */
  trailers(): Uint8Array {
    if (this.#held === 'all' && !this.#resized) return knownTrailers;
    const resize = this.#resize();
    const block = this.#held === 'head' ? firstTrailers : literalTrailers;
    if (this.#held === 'head') this.#held = 'all';
    return resize === undefined ? block : Buffer.concat([resize, block]);
  }

  /** The one block that answers a call that failed, or the trailers of one that failed behind its head. */
  failure({ status, message, code }: GrpcFailure, isTrailers: boolean): Uint8Array {
    return Buffer.concat([
      this.#resize() ?? NOTHING,
      isTrailers ? NOTHING : this.#knownHead(),
      literal(WITHOUT_INDEXING, 'grpc-status', String(status)),
      literal(WITHOUT_INDEXING, 'grpc-message', percentEncode(message)),
      literal(WITHOUT_INDEXING, CODE_TRAILER, code),
    ]);
  }

  /** The head of an answer to what is not a gRPC call. */
  foreign(fields: readonly (readonly [name: string, value: string])[]): Uint8Array {
    return Buffer.concat([
      this.#resize() ?? NOTHING,
      ...fields.map(([name, value]) => literal(WITHOUT_INDEXING, name, value)),
    ]);
  }

  /** The client allows its table another size. A smaller one is confirmed in the next block (RFC 7541, section 4.2). */
  allowTableSize(size: number): void {
    if (size >= this.#tableSize) return;
    this.#tableSize = size;
    this.#resized = true;
  }

  #knownHead(): Uint8Array {
    if (this.#held === 'all') return knownHead;
    return this.#held === 'head' ? headBeforeStatus : literalHead;
  }

  /** What the next block has to begin with. The table is emptied first, so that it is known what it holds. */
  #resize(): Uint8Array | undefined {
    if (!this.#resized) return undefined;
    this.#resized = false;
    const hasRoom = this.#tableSize >= TABLE_NEEDED;
    this.#held = hasRoom ? 'nothing' : 'no room';
    return Buffer.concat([Buffer.from([RESIZE]), hasRoom ? hpackInteger(RESIZE, 0x1f, this.#tableSize) : NOTHING]);
  }
}

const NOTHING = Buffer.alloc(0);

/** A field in full (RFC 7541, section 6.2); the text is ASCII. */
function literal(kind: number, name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([kind]), hpackString(name), hpackString(value)]);
}

function hpackString(text: string): Buffer {
  return Buffer.concat([hpackInteger(0, 0x7f, text.length), Buffer.from(text, 'latin1')]);
}

/** RFC 7541, section 5.1. */
function hpackInteger(kind: number, mask: number, value: number): Buffer {
  if (value < mask) return Buffer.from([kind | value]);
  const bytes = [kind | mask];
  let rest = value - mask;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}
