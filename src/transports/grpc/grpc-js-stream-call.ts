import { Metadata, type ServerDuplexStream, type ServerUnaryCall, type StatusObject } from '@grpc/grpc-js';
import type { Caller } from '../../registry/access/caller.ts';
import type { CallMarks, PeerKind } from '../../serving/served-call.ts';
import { marksFrom, peerKindOfAddress } from './call-marks.ts';
import { CODE_TRAILER, grpcFailureFrom } from './grpc-status.ts';
import type { MessageSource } from './message-queue.ts';
import type { GrpcServerOptions, StreamMethod } from './service-table.ts';
import { StreamedCall } from './streamed-call.ts';

/** A call under way, as closing the server needs it. */
export interface OpenCall {
  /** Ends it with an error. */
  fail(error: unknown): void;
  /** The server stops: what would go on for long comes to an end. */
  drain(): void;
}

/** How often a call looks whether its time is up. */
const LOOK_MS = 1_000;

/** Runs a streaming method. The library reads some messages ahead, then waits until they are taken. */
export function serveStream(
  method: StreamMethod,
  stream: ServerDuplexStream<Buffer, Buffer>,
  options: GrpcServerOptions,
  caller: Caller | undefined,
  open: Set<OpenCall>,
): OpenCall {
  const waiting: Buffer[] = [];
  const source: MessageSource = { take: () => waiting.shift(), assertEnded() {} };
  const asked = stream.getDeadline();
  const over = (): void => {
    clearInterval(timer);
    open.delete(opened);
  };
  const call = new StreamedCall({
    method,
    source,
    deadline: asked instanceof Date ? asked.getTime() : asked,
    idleMs: options.streamIdleMs,
    ...originOf(stream),
    // Of a Unix socket the library tells nothing.
    connection: stream.getPeer(),
    onFailure: (error) => options.onFailure(error, method.path, call),
    wire: {
      taken: () => stream.resume(),
      write(message) {
        stream.write(toBuffer(message), () => call.sent());
      },
      takeBack: () => false,
      end(failure) {
        over();
        if (failure === undefined) stream.end();
        // The library's way to end a stream with a status, behind what was written.
        else stream.emit('error', statusFrom(failure.error));
        stream.resume();
      },
      settled() {},
    },
  });
  const opened: OpenCall = { fail: (error) => call.abandon(error), drain: () => call.drain() };
  open.add(opened);
  const timer = setInterval(() => {
    if (Date.now() > call.expiresAt) call.expire();
  }, LOOK_MS);
  stream.on('data', (message: Buffer) => {
    if (call.isOver) return;
    waiting.push(message);
    stream.pause();
    call.arrived();
  });
  stream.on('end', () => call.requestEnded());
  stream.on('cancelled', () => {
    over();
    call.leave();
  });
  call.caller = caller;
  call.run();
  return opened;
}

export function marksOf(metadata: Metadata): CallMarks | undefined {
  return marksFrom((name) => {
    const values = metadata.get(name);
    return values.length === 0 ? undefined : values.join(',');
  });
}

/** What a call's head says of where it comes from. */
export function originOf(call: Pick<ServerUnaryCall<Buffer, Buffer>, 'metadata' | 'getPeer'>): {
  readonly marks: CallMarks | undefined;
  readonly peer: PeerKind;
} {
  // The library writes `address:port`, and `unknown` for a Unix socket.
  const peer = call.getPeer();
  return {
    marks: marksOf(call.metadata),
    peer: peerKindOfAddress(peer === 'unknown' ? undefined : peer.replace(/:\d+$/, '')),
  };
}

/** What a caller is told about a failure. */
export function statusFrom(error: unknown): StatusObject {
  const failure = grpcFailureFrom(error);
  const metadata = new Metadata();
  metadata.set(CODE_TRAILER, failure.code);
  return { code: failure.status, details: failure.message, metadata };
}

export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
