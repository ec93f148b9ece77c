/** A connection, or several, over which prepared requests are sent and answers counted. Several may be under way at once. */
export interface Exchange {
  /**
   * Sends one request of the ring. `done` is called exactly once, never before `send` returned.
   * @param index which request
   * @param capture whether `done` wants the answer's bytes
   */
  send(index: number, capture: boolean, done: Done): void;
  close(): void;
}

/**
 * @param failure what went wrong, in few words; `undefined` for a whole answer with status OK
 * @param answer the message, where it was asked for; what is to be kept has to be copied
 */
export type Done = (failure: string | undefined, answer: Buffer | undefined) => void;

export interface GrpcEndpoint {
  readonly kind: 'grpc';
  /** `host:port` */
  readonly address: string;
  /** `/package.Service/Method` */
  readonly path: string;
}

/** The same, asked without a library: see `wire-exchange.ts`. */
export interface WireEndpoint {
  readonly kind: 'wire';
  /** `host:port` */
  readonly address: string;
  /** `/package.Service/Method` */
  readonly path: string;
  /** Sent as `grpc-timeout`. */
  readonly deadlineMs: number;
}

/** Redis itself, asked without a library. */
export interface RespEndpoint {
  readonly kind: 'resp';
  /** `host:port` */
  readonly address: string;
  /** Replies that one request brings. */
  readonly repliesPerRequest: number;
}

export type Endpoint = GrpcEndpoint | WireEndpoint | RespEndpoint;
