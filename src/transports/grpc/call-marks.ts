import type { Socket } from 'node:net';
import { MAX_TRACESTATE, type TraceContext } from '../../encoding/trace-context.ts';
import type { CallMarks, PeerKind } from '../../serving/served-call.ts';

/** Names of the headers that {@link CallMarks} are made from. */
export const markHeaders = { traceparent: 'traceparent', tracestate: 'tracestate', requestId: 'x-request-id' } as const;

/** @param header gives the value of a header, `undefined` for one that was not sent */
export function marksFrom(header: (name: string) => string | undefined): CallMarks | undefined {
  const traceparent = header(markHeaders.traceparent);
  const tracestate = header(markHeaders.tracestate);
  const requestId = header(markHeaders.requestId);
  if (traceparent === undefined && tracestate === undefined && requestId === undefined) return undefined;
  return { traceparent, tracestate, requestId };
}

/** The trace that a call belongs to before anybody here has taken it further. */
export function traceOf(marks: CallMarks | undefined): TraceContext | undefined {
  if (marks?.traceparent === undefined) return undefined;
  const { traceparent, tracestate } = marks;
  return { traceparent, tracestate };
}

/** A header that was sent in two parts, as one list; without the second part where the list would become too long. */
export function joinedTracestate(first: string, second: string): string {
  const joined = `${first},${second}`;
  return joined.length > MAX_TRACESTATE ? first : joined;
}

/** Where the other end of a connection is. A connection that was handed over by another process still knows. */
export function peerKindOf(socket: Pick<Socket, 'remoteAddress'>): PeerKind {
  return peerKindOfAddress(socket.remoteAddress);
}

/** @param address of the other end; a Unix socket has none */
export function peerKindOfAddress(address: string | undefined): PeerKind {
  if (address === undefined || address === '') return 'unix';
  return /^(?:::ffff:)?127\.|^::1$/.test(address) ? 'loopback' : 'remote';
}
