import assert from 'node:assert/strict';
import { type FrameHandler, FrameReader } from '../../src/transports/grpc/net-http2/frame-reader.ts';
import { netHttp2Limits } from '../../src/transports/grpc/net-http2/net-http2-limits.ts';
import { ConnectionFault } from '../../src/transports/grpc/net-http2/protocol.ts';

/**
 * What a reader of frames makes of bytes, a line for each event, whole data frames joined, and the fault in which it ends. Fails
 * where the reader names bytes outside of what it was given.
 */
export function frameReadings(chunks: Iterable<Buffer>): string[] {
  const log: string[] = [];
  let data: Buffer[] = [];
  const hex = (bytes: Uint8Array, start: number, end: number): string => {
    assert.ok(start >= 0 && start <= end && end <= bytes.length, 'outside of what was received');
    return Buffer.from(bytes.subarray(start, end)).toString('hex');
  };
  const handler: FrameHandler = {
    preface: () => log.push('preface'),
    notHttp2: () => log.push('not HTTP/2'),
    headers: (id, endStream, dependsOnItself, bytes, start, end) =>
      log.push(`headers ${id} ${endStream} ${dependsOnItself} ${hex(bytes, start, end)}`),
    dataFrame: (id, length) => log.push(`data of ${id}, ${length}`),
    data: (bytes, start, end, isLast, endStream) => {
      data.push(Buffer.from(hex(bytes, start, end), 'hex'));
      if (!isLast) return;
      log.push(`data ${endStream} ${Buffer.concat(data).toString('hex')}`);
      data = [];
    },
    priority: (id, dependsOnItself) => log.push(`priority ${id} ${dependsOnItself}`),
    reset: (id, errorCode) => log.push(`reset ${id} ${errorCode}`),
    settings: (ack, bytes, start, end) => log.push(`settings ${ack} ${hex(bytes, start, end)}`),
    ping: (ack, bytes, start) => log.push(`ping ${ack} ${hex(bytes, start, start + 8)}`),
    goaway: () => log.push('goaway'),
    windowUpdate: (id, increment) => log.push(`window ${id} ${increment}`),
    unknown: () => log.push('unknown'),
  };
  const reader = new FrameReader(handler, netHttp2Limits);
  try {
    for (const chunk of chunks) reader.push(Buffer.from(chunk));
  } catch (error) {
    if (!(error instanceof ConnectionFault)) throw error;
    log.push(`fault ${error.errorCode} ${error.message}`);
  }
  return log;
}
