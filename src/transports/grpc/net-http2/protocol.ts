import type { TransportLimit } from '../transport-limit.ts';

/** Numbers of HTTP/2 (RFC 9113): frame types (section 6), flags, error codes (section 7), settings (section 6.5.2). */

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const Flag = {
  END_STREAM: 0x1,
  ACK: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const;

export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

/** What a client says first, before its settings. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const FRAME_HEAD = 9;
/** Largest payload of a frame unless the receiver allows more; this server never does. */
export const DEFAULT_FRAME_SIZE = 16_384;
export const MAX_FRAME_SIZE = 0xffffff;
export const DEFAULT_WINDOW = 65_535;
export const MAX_WINDOW = 0x7fffffff;
export const MAX_STREAM_ID = 0x7fffffff;
/** Size of both sides' header compression tables until a setting says otherwise. */
export const DEFAULT_TABLE_SIZE = 4_096;

/** A fault of the client that ends its connection. Never leaves this folder: the client learns of it by GOAWAY. */
export class ConnectionFault extends Error {
  /** One of {@link ErrorCode}. */
  readonly errorCode: number;
  /** The limit that was exceeded, where it is not a breach of the protocol. */
  readonly limit: TransportLimit | undefined;

  constructor(errorCode: number, message: string, limit?: TransportLimit) {
    super(message);
    this.errorCode = errorCode;
    this.limit = limit;
  }
}
