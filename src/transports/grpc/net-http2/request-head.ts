import type { CallMarks } from '../../../serving/served-call.ts';
import { joinedTracestate } from '../call-marks.ts';
import { FieldKind, type HeaderField } from './header-field.ts';
import type { FieldSink } from './hpack-decoder.ts';

/** What the header block of a request says, as far as this server asks. Immutable: calls with the same block share one. */
export interface RequestHead {
  /** The block is not a request (RFC 9113, section 8.3): its stream is reset. */
  readonly malformed: boolean;
  /** The block is larger than allowed; what it says is not kept. */
  readonly tooLarge: boolean;
  readonly method: string;
  readonly path: string;
  readonly contentType: string | undefined;
  /** Announced length of the body. */
  readonly contentLength: number | undefined;
  readonly timeout: string | undefined;
  readonly encoding: string | undefined;
  readonly authorization: string | undefined;
  readonly marks: CallMarks | undefined;
}

export interface HeadLimits {
  /** Names, values and 32 bytes for each field. */
  readonly maxHeaderBytes: number;
  readonly maxHeaderFields: number;
}

const MAX_CONTENT_LENGTH_DIGITS = 15;
/** Stands for a field that was sent twice, and means nothing. Joining them would let a small block make a huge string. */
const REPEATED = 'sent twice';

/** Collects the fields of one block and judges whether they make a request, or trailers. */
export class HeadCollector implements FieldSink {
  readonly #limits: HeadLimits;
  #bytes = 0;
  #fields = 0;
  #regular = 0;
  #malformed = false;
  #method: string | undefined;
  #scheme: string | undefined;
  #authority: string | undefined;
  #path: string | undefined;
  #contentType: string | undefined;
  #contentLength: number | undefined;
  #timeout: string | undefined;
  #encoding: string | undefined;
  #authorization: string | undefined;
  #traceparent: string | undefined;
  #tracestate: string | undefined;
  #requestId: string | undefined;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** Forgets the block before. */
  reset(): void {
    this.#bytes = 0;
    this.#fields = 0;
    this.#regular = 0;
    this.#malformed = false;
    this.#method = undefined;
    this.#scheme = undefined;
    this.#authority = undefined;
    this.#path = undefined;
    this.#contentType = undefined;
    this.#contentLength = undefined;
    this.#timeout = undefined;
    this.#encoding = undefined;
    this.#authorization = undefined;
    this.#traceparent = undefined;
    this.#tracestate = undefined;
    this.#requestId = undefined;
  }

  /** Part of {@link FieldSink}. */
  field(field: HeaderField): void {
    this.#fields++;
    this.#bytes += field.size;
    const { kind, value } = field;
    if (kind === FieldKind.MALFORMED) {
      this.#malformed = true;
    } else if (kind >= FieldKind.METHOD && kind <= FieldKind.PATH) {
      this.#pseudo(kind, value);
    } else {
      this.#regular++;
      this.#known(kind, value);
    }
  }

  /** The block was that of a request. */
  request(): RequestHead {
    const isConnect = this.#method === 'CONNECT';
    const complete = isConnect
      ? this.#authority !== undefined && this.#scheme === undefined && this.#path === undefined
      : this.#method !== undefined && this.#scheme !== undefined && this.#path !== undefined && this.#path !== '';
    return {
      malformed: this.#malformed || !complete,
      tooLarge: this.#tooLarge,
      method: this.#method ?? '',
      path: this.#path ?? '',
      contentType: this.#contentType,
      contentLength: this.#contentLength,
      timeout: this.#timeout,
      encoding: this.#encoding,
      authorization: this.#authorization,
      marks: this.#marks(),
    };
  }

  /** The block came behind a body. @returns whether it may */
  areTrailers(): boolean {
    return !this.#malformed && this.#fields === this.#regular;
  }

  #marks(): CallMarks | undefined {
    const traceparent = this.#traceparent;
    const tracestate = this.#tracestate;
    const requestId = this.#requestId;
    if (traceparent === undefined && tracestate === undefined && requestId === undefined) return undefined;
    return { traceparent, tracestate, requestId };
  }

  get #tooLarge(): boolean {
    return this.#bytes > this.#limits.maxHeaderBytes || this.#fields > this.#limits.maxHeaderFields;
  }

  #pseudo(kind: number, value: string): void {
    if (this.#regular > 0) this.#malformed = true;
    switch (kind) {
      case FieldKind.METHOD:
        if (this.#method !== undefined) this.#malformed = true;
        this.#method = value;
        break;
      case FieldKind.SCHEME:
        if (this.#scheme !== undefined) this.#malformed = true;
        this.#scheme = value;
        break;
      case FieldKind.AUTHORITY:
        if (this.#authority !== undefined) this.#malformed = true;
        this.#authority = value;
        break;
      default:
        if (this.#path !== undefined) this.#malformed = true;
        this.#path = value;
    }
  }

  #known(kind: number, value: string): void {
    switch (kind) {
      case FieldKind.CONTENT_TYPE:
        this.#contentType ??= value;
        break;
      case FieldKind.CONTENT_LENGTH: {
        const length = contentLengthFrom(value);
        if (length === undefined || (this.#contentLength ?? length) !== length) this.#malformed = true;
        this.#contentLength = length;
        break;
      }
      case FieldKind.TE:
        // RFC 9113, section 8.2.2: nothing else may be asked for.
        if (value !== 'trailers') this.#malformed = true;
        break;
      case FieldKind.TIMEOUT:
        this.#timeout = this.#timeout === undefined ? value : REPEATED;
        break;
      case FieldKind.ENCODING:
        this.#encoding = this.#encoding === undefined ? value : REPEATED;
        break;
      case FieldKind.AUTHORIZATION:
        this.#authorization = this.#authorization === undefined ? value : REPEATED;
        break;
      case FieldKind.TRACEPARENT:
        this.#traceparent = this.#traceparent === undefined ? value : REPEATED;
        break;
      case FieldKind.TRACESTATE:
        this.#tracestate = this.#tracestate === undefined ? value : joinedTracestate(this.#tracestate, value);
        break;
      case FieldKind.REQUEST_ID:
        this.#requestId = this.#requestId === undefined ? value : REPEATED;
        break;
      default:
    }
  }
}

function contentLengthFrom(text: string): number | undefined {
  return /^\d+$/.test(text) && text.length <= MAX_CONTENT_LENGTH_DIGITS ? Number(text) : undefined;
}
