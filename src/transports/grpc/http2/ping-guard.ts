import { constants, type ServerHttp2Session } from 'node:http2';

/** So many pings may come too early before the client is shown the door. */
const MAX_STRIKES = 2;
/** Least time between two pings of a connection without calls, in milliseconds. */
const MIN_INTERVAL_MS = 5_000;

export interface PingGuard {
  /** A call came: its answer resets the count, because clients measure bandwidth by pinging around data. */
  called(): void;
}

/**
 * Ends a connection whose client floods it with pings, as gRPC servers do: GOAWAY with ENHANCE_YOUR_CALM and
 * `too_many_pings`, which gRPC clients understand as "ping less".
 */
export function guardPings(session: ServerHttp2Session, now: () => number = Date.now): PingGuard {
  let last = Number.NEGATIVE_INFINITY;
  let strikes = 0;
  session.on('ping', () => {
    const at = now();
    strikes = at - last < MIN_INTERVAL_MS ? strikes + 1 : 0;
    last = at;
    if (strikes <= MAX_STRIKES || session.destroyed) return;
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'));
    session.close();
  });
  return {
    called() {
      last = Number.NEGATIVE_INFINITY;
      strikes = 0;
    },
  };
}
