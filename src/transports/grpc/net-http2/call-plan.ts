import type { CallMarks } from '../../../serving/served-call.ts';
import { TransportError } from '../../transport-error.ts';
import { isLimited } from '../call-admission.ts';
import { isGrpcType, parseEncoding, parseTimeout } from '../grpc-headers.ts';
import type { MessageEncoding } from '../grpc-message.ts';
import type { ServiceMethod, StreamMethod, UnaryMethod } from '../service-table.ts';
import { ErrorCode } from './protocol.ts';
import type { RequestHead } from './request-head.ts';

/** An answer to what is not a gRPC call. */
export interface ForeignAnswer {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/** What the head of a call says beside its method. */
export interface CallTerms {
  readonly encoding: MessageEncoding;
  readonly timeoutMs: number | undefined;
  readonly contentLength: number | undefined;
  /** Calls of the method count among those under way, and may be turned away. */
  readonly isLimited: boolean;
  /** The header of that name. */
  readonly authorization: string | undefined;
  readonly marks: CallMarks | undefined;
}

/** What is to be done with a call, by its head alone. Calls with the same header block share one. */
export type CallPlan =
  /** Run the method. */
  | ({ readonly kind: 'run'; readonly method: UnaryMethod } & CallTerms)
  | ({ readonly kind: 'stream'; readonly method: StreamMethod } & CallTerms)
  /** Answer with a gRPC status. */
  | { readonly kind: 'refuse'; readonly error: unknown; readonly marks: CallMarks | undefined }
  /** Not a gRPC client: answer with an HTTP status, as the gRPC specification asks. */
  | { readonly kind: 'foreign'; readonly answer: ForeignAnswer; readonly contentLength: number | undefined }
  /** Reset the stream. */
  | { readonly kind: 'reset'; readonly errorCode: number };

const MALFORMED: CallPlan = { kind: 'reset', errorCode: ErrorCode.PROTOCOL_ERROR };
/** Clients of gRPC know this as RESOURCE_EXHAUSTED. */
const TOO_LARGE: CallPlan = { kind: 'reset', errorCode: ErrorCode.ENHANCE_YOUR_CALM };
const TEXT = ['content-type', 'text/plain'] as const;
const HINT = Buffer.from('This port speaks gRPC: calls are POST requests with the content type application/grpc.\n');
const NOTHING = new Uint8Array(0);
const NOT_POST: ForeignAnswer = { fields: [[':status', '405'], ['allow', 'POST'], TEXT], body: HINT };
/** The answer to HEAD has no body. */
const NOT_HEAD: ForeignAnswer = { ...NOT_POST, body: NOTHING };
const NOT_GRPC: ForeignAnswer = { fields: [[':status', '415'], TEXT], body: HINT };

export function callPlanFrom(head: RequestHead, methods: ReadonlyMap<string, ServiceMethod>): CallPlan {
  if (head.tooLarge) return TOO_LARGE;
  if (head.malformed) return MALFORMED;
  const { contentLength } = head;
  if (head.method !== 'POST') {
    return { kind: 'foreign', answer: head.method === 'HEAD' ? NOT_HEAD : NOT_POST, contentLength };
  }
  if (!isGrpcType(head.contentType)) return { kind: 'foreign', answer: NOT_GRPC, contentLength };
  try {
    const method = methods.get(head.path);
    if (method === undefined) {
      throw new TransportError('UNKNOWN_METHOD', `There is no method ${head.path.slice(0, 200)} here.`);
    }
    const encoding = parseEncoding(head.encoding);
    const timeoutMs = parseTimeout(head.timeout);
    const terms = {
      encoding,
      timeoutMs,
      contentLength,
      isLimited: !('stream' in method) && isLimited(method.path),
      authorization: head.authorization,
      marks: head.marks,
    };
    return 'stream' in method ? { kind: 'stream', method, ...terms } : { kind: 'run', method, ...terms };
  } catch (error) {
    return { kind: 'refuse', error, marks: head.marks };
  }
}
