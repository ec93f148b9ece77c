/** The trace that a call belongs to, in the two headers of W3C Trace Context that hand it on. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
}

/** What `traceparent` says. */
export interface TraceParent {
  /** 32 hexadecimal digits, not all of them zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all of them zero. */
  readonly spanId: string;
  /** One byte; bit 0 says that the caller records the trace. */
  readonly flags: number;
}

/** Longest `tracestate` that is handed on: what the specification asks for at least. */
export const MAX_TRACESTATE = 512;

/** What a later version has behind the flags is handed on with it, so that it has to be fit for a header. */
const PARENT = /^([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]{0,256})?$/;

/**
 * Reads the header `traceparent`. Of a later version than 00 what is known is taken, as the specification asks.
 * @returns nothing for a header that is missing or malformed: the call then begins a trace of its own
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function parseTraceparent(header: string | undefined): TraceParent | undefined {
  if (header === undefined) return undefined;
  const [, version, traceId, spanId, flags, more] = PARENT.exec(header) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined || version === 'ff') return undefined;
  if (version === '00' && more !== undefined) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

/** The header `traceparent`, of version 00. Of the flags only what that version knows goes out. */
export function traceparentFrom({ traceId, spanId, flags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${(flags & 1) === 1 ? '01' : '00'}`;
}

const PRINTABLE = /^[ -~]*$/;

/** The headers that hand a trace on; none for what is not a trace, whoever sent it. */
export function traceHeaders(trace: TraceContext | undefined): (readonly [name: string, value: string])[] {
  if (trace === undefined || parseTraceparent(trace.traceparent) === undefined) return [];
  const { traceparent, tracestate = '' } = trace;
  const isFit = tracestate !== '' && tracestate.length <= MAX_TRACESTATE && PRINTABLE.test(tracestate);
  return [['traceparent', traceparent], ...(isFit ? ([['tracestate', tracestate]] as const) : [])];
}
