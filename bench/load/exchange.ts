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
 * @param answer the message, where it was asked for
 */
export type Done = (failure: string | undefined, answer: Buffer | undefined) => void;

export interface GrpcEndpoint {
  readonly kind: 'grpc';
  /** `host:port` */
  readonly address: string;
  /** `/package.Service/Method` */
  readonly path: string;
}

/** Redis itself, asked without a library. */
export interface RespEndpoint {
  readonly kind: 'resp';
  /** `host:port` */
  readonly address: string;
  /** Replies that one request brings. */
  readonly repliesPerRequest: number;
}

export type Endpoint = GrpcEndpoint | RespEndpoint;
