import {
  ConnectionFault,
  DEFAULT_FRAME_SIZE,
  ErrorCode,
  Flag,
  FRAME_HEAD,
  FrameType,
  MAX_STREAM_ID,
  PREFACE,
} from './protocol.ts';
import { SETTING_LENGTH } from './settings.ts';

/** What a client's frames say, in their order. Bytes are valid during the call only. */
export interface FrameHandler {
  /** The client's preface came: it speaks HTTP/2. */
  preface(): void;
  /** What came is not HTTP/2. */
  notHttp2(bytes: Uint8Array): void;
  /** A header block is complete. `dependsOnItself` is an error in a priority that came with it. */
  headers(
    id: number,
    endStream: boolean,
    dependsOnItself: boolean,
    block: Uint8Array,
    start: number,
    end: number,
  ): void;
  /** A DATA frame begins: so many bytes of flow control, padding included. Pieces of its data follow. */
  dataFrame(id: number, length: number): void;
  /** A piece of the data; the last one may end the stream. Empty at the end of an empty frame. */
  data(bytes: Buffer, start: number, end: number, isLast: boolean, endStream: boolean): void;
  priority(id: number, dependsOnItself: boolean): void;
  reset(id: number, errorCode: number): void;
  settings(ack: boolean, bytes: Uint8Array, start: number, end: number): void;
  ping(ack: boolean, bytes: Uint8Array, start: number): void;
  goaway(): void;
  windowUpdate(id: number, increment: number): void;
  /** A frame of a type that this server does not know. */
  unknown(): void;
}

export interface FrameReaderLimits {
  readonly maxHeaderBlockBytes: number;
  readonly maxHeaderFrames: number;
}

const PRIORITY_LENGTH = 5;
const PING_LENGTH = 8;

/**
 * Cuts what a client sends into frames, in one pass over the bytes, and checks the form of each (RFC 9113, sections 4 to 6). Data
 * is passed on as it comes; other frames are short, and are put together where they arrive in pieces.
 */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #limits: FrameReaderLimits;
  #stopped = false;
  #prefaceSeen = 0;
  #settingsSeen = false;
  /** The beginning of a frame that has not come whole. */
  #carry = EMPTY;
  #carried = 0;
  /** The frame whose head was read last. */
  #length = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;
  /** Bytes of a DATA frame that are still to come. */
  #dataLeft = 0;
  /** The stream of a header block that goes on in the next frame, or 0. */
  #blockStream = 0;
  #block = EMPTY;
  #blockLength = 0;
  #blockFrames = 0;
  #blockEnds = false;
  #blockDependsOnItself = false;

  constructor(handler: FrameHandler, limits: FrameReaderLimits) {
    this.#handler = handler;
    this.#limits = limits;
  }

  /** Whatever still comes is ignored. */
  stop(): void {
    this.#stopped = true;
    this.#carry = EMPTY;
    this.#block = EMPTY;
  }

  /** @throws ConnectionFault where the client breaks the protocol */
  push(chunk: Buffer): void {
    if (this.#stopped) return;
    const { length } = chunk;
    let at = this.#prefaceSeen === PREFACE.length ? 0 : this.#preface(chunk);
    while (at < length && !this.#stopped) {
      if (this.#dataLeft > 0) at = this.#dataPiece(chunk, at);
      else if (this.#carried > 0) at = this.#fill(chunk, at);
      else if (length - at < FRAME_HEAD) at = this.#keep(chunk, at, FRAME_HEAD);
      else {
        this.#readHead(chunk, at);
        const start = at + FRAME_HEAD;
        const end = start + this.#length;
        if (this.#isPlainData()) at = this.#beginData(chunk, start);
        else if (end > length) at = this.#keep(chunk, at, end - at);
        else {
          this.#frame(chunk, start, end);
          at = end;
        }
      }
    }
  }

  #preface(chunk: Buffer): number {
    const seen = this.#prefaceSeen;
    const end = Math.min(chunk.length, PREFACE.length - seen);
    for (let at = 0; at < end; at++) {
      if (chunk[at] === PREFACE[seen + at]) continue;
      this.stop();
      this.#handler.notHttp2(seen === 0 ? chunk : EMPTY);
      return chunk.length;
    }
    this.#prefaceSeen = seen + end;
    if (this.#prefaceSeen === PREFACE.length) this.#handler.preface();
    return end;
  }

  /** Keeps the beginning of a frame, or of its head, for the next chunk. */
  #keep(chunk: Buffer, start: number, wanted: number): number {
    this.#carry = Buffer.allocUnsafe(wanted);
    this.#carried = chunk.copy(this.#carry, 0, start);
    return chunk.length;
  }

  /** Adds to what was kept, and takes the frame when it is whole. */
  #fill(chunk: Buffer, start: number): number {
    const carry = this.#carry;
    const taken = chunk.copy(carry, this.#carried, start);
    this.#carried += taken;
    if (this.#carried < carry.length) return chunk.length;
    const at = start + taken;
    if (carry.length === FRAME_HEAD) {
      this.#readHead(carry, 0);
      if (this.#isPlainData()) {
        this.#carried = 0;
        return this.#beginData(chunk, at);
      }
      if (this.#length > 0) {
        this.#carry = Buffer.allocUnsafe(FRAME_HEAD + this.#length);
        carry.copy(this.#carry);
        return at;
      }
    }
    this.#carried = 0;
    this.#carry = EMPTY;
    this.#frame(carry, FRAME_HEAD, carry.length);
    return at;
  }

  #readHead(bytes: Buffer, at: number): void {
    const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    const type = bytes[at + 3] as number;
    const flags = bytes[at + 4] as number;
    const stream = uint32(bytes, at + 5) & MAX_STREAM_ID;
    if (length > DEFAULT_FRAME_SIZE) throw fault(ErrorCode.FRAME_SIZE_ERROR, 'a frame is too large');
    if (!this.#settingsSeen) {
      if (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0) throw malformed('the first frame is not SETTINGS');
      this.#settingsSeen = true;
    }
    if (this.#blockStream !== 0 && (type !== FrameType.CONTINUATION || stream !== this.#blockStream)) {
      throw malformed('a header block is interrupted');
    }
    this.#length = length;
    this.#type = type;
    this.#flags = flags;
    this.#stream = stream;
  }

  #isPlainData(): boolean {
    return this.#type === FrameType.DATA && (this.#flags & Flag.PADDED) === 0;
  }

  /** A DATA frame without padding need not be whole. */
  #beginData(chunk: Buffer, start: number): number {
    if (this.#stream === 0) throw malformed('DATA names no stream');
    this.#handler.dataFrame(this.#stream, this.#length);
    this.#dataLeft = this.#length;
    if (this.#length > 0) return start;
    this.#handler.data(chunk, start, start, true, (this.#flags & Flag.END_STREAM) !== 0);
    return start;
  }

  #dataPiece(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + this.#dataLeft);
    this.#dataLeft -= end - start;
    const isLast = this.#dataLeft === 0;
    this.#handler.data(chunk, start, end, isLast, isLast && (this.#flags & Flag.END_STREAM) !== 0);
    return end;
  }

  /** A frame that is there whole. */
  #frame(bytes: Buffer, start: number, end: number): void {
    const handler = this.#handler;
    const stream = this.#stream;
    const length = end - start;
    switch (this.#type) {
      case FrameType.HEADERS:
        this.#headers(bytes, start, end);
        break;
      case FrameType.CONTINUATION:
        if (this.#blockStream === 0) throw malformed('CONTINUATION continues nothing');
        this.#extendBlock(bytes, start, end);
        break;
      case FrameType.DATA:
        this.#paddedData(bytes, start, end);
        break;
      case FrameType.WINDOW_UPDATE:
        if (length !== 4) throw wrongLength('WINDOW_UPDATE');
        handler.windowUpdate(stream, uint32(bytes, start) & MAX_STREAM_ID);
        break;
      case FrameType.RST_STREAM:
        if (length !== 4) throw wrongLength('RST_STREAM');
        if (stream === 0) throw malformed('RST_STREAM names no stream');
        handler.reset(stream, uint32(bytes, start));
        break;
      case FrameType.SETTINGS:
        if (stream !== 0) throw malformed('SETTINGS name a stream');
        this.#settings(bytes, start, end);
        break;
      case FrameType.PING:
        if (stream !== 0) throw malformed('PING names a stream');
        if (length !== PING_LENGTH) throw wrongLength('PING');
        handler.ping((this.#flags & Flag.ACK) !== 0, bytes, start);
        break;
      case FrameType.PRIORITY:
        if (stream === 0) throw malformed('PRIORITY names no stream');
        if (length !== PRIORITY_LENGTH) throw wrongLength('PRIORITY');
        handler.priority(stream, (uint32(bytes, start) & MAX_STREAM_ID) === stream);
        break;
      case FrameType.GOAWAY:
        if (stream !== 0) throw malformed('GOAWAY names a stream');
        if (length < 8) throw wrongLength('GOAWAY');
        handler.goaway();
        break;
      case FrameType.PUSH_PROMISE:
        throw malformed('a client cannot push');
      default:
        handler.unknown();
    }
  }

  #settings(bytes: Buffer, start: number, end: number): void {
    const ack = (this.#flags & Flag.ACK) !== 0;
    if (ack ? end > start : (end - start) % SETTING_LENGTH !== 0) throw wrongLength('SETTINGS');
    this.#handler.settings(ack, bytes, start, end);
  }

  /** Length of the padding behind a payload that begins with it. */
  #padding(bytes: Buffer, start: number, end: number): number {
    const padding = bytes[start] as number;
    if (start === end || padding >= end - start) throw malformed('a frame is padded beyond its end');
    return padding;
  }

  #paddedData(bytes: Buffer, start: number, end: number): void {
    if (this.#stream === 0) throw malformed('DATA names no stream');
    const padding = this.#padding(bytes, start, end);
    this.#handler.dataFrame(this.#stream, end - start);
    this.#handler.data(bytes, start + 1, end - padding, true, (this.#flags & Flag.END_STREAM) !== 0);
  }

  #headers(bytes: Buffer, start: number, end: number): void {
    const flags = this.#flags;
    const stream = this.#stream;
    if (stream === 0) throw malformed('HEADERS name no stream');
    let from = start;
    let to = end;
    let dependsOnItself = false;
    if ((flags & Flag.PADDED) !== 0) {
      to -= this.#padding(bytes, start, end);
      from++;
    }
    if ((flags & Flag.PRIORITY) !== 0) {
      if (to - from < PRIORITY_LENGTH) throw wrongLength('HEADERS');
      dependsOnItself = (uint32(bytes, from) & MAX_STREAM_ID) === stream;
      from += PRIORITY_LENGTH;
    }
    const endStream = (flags & Flag.END_STREAM) !== 0;
    if ((flags & Flag.END_HEADERS) !== 0) {
      this.#handler.headers(stream, endStream, dependsOnItself, bytes, from, to);
      return;
    }
    this.#blockStream = stream;
    this.#blockEnds = endStream;
    this.#blockDependsOnItself = dependsOnItself;
    this.#blockLength = 0;
    this.#blockFrames = 0;
    this.#extendBlock(bytes, from, to);
  }

  /** A block in several frames is put together, up to a bound on its bytes and on its frames. */
  #extendBlock(bytes: Buffer, start: number, end: number): void {
    const length = this.#blockLength + end - start;
    const { maxHeaderBlockBytes, maxHeaderFrames } = this.#limits;
    this.#blockFrames++;
    if (length > maxHeaderBlockBytes || this.#blockFrames > maxHeaderFrames) {
      throw new ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, 'a header block is too large', 'metadata');
    }
    if (length > this.#block.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, Math.min(2 * length, maxHeaderBlockBytes)));
      this.#block.copy(larger, 0, 0, this.#blockLength);
      this.#block = larger;
    }
    bytes.copy(this.#block, this.#blockLength, start, end);
    this.#blockLength = length;
    if ((this.#flags & Flag.END_HEADERS) === 0) return;
    const block = this.#block;
    const stream = this.#blockStream;
    this.#block = EMPTY;
    this.#blockStream = 0;
    this.#handler.headers(stream, this.#blockEnds, this.#blockDependsOnItself, block, 0, length);
  }
}

const EMPTY = Buffer.alloc(0);

function uint32(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

function fault(errorCode: number, message: string): ConnectionFault {
  return new ConnectionFault(errorCode, message);
}

function malformed(message: string): ConnectionFault {
  return fault(ErrorCode.PROTOCOL_ERROR, message);
}

function wrongLength(frame: string): ConnectionFault {
  return fault(ErrorCode.FRAME_SIZE_ERROR, `a frame ${frame} has a length that it cannot have`);
}
