import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Done, Exchange, GrpcEndpoint } from './exchange.ts';

const PREFIX = 5;
/** Large enough that flow control never holds an answer back: what is measured is the server. */
const STREAM_WINDOW = 8 * 1024 * 1024;
const SESSION_WINDOW = 64 * 1024 * 1024;

/** Opens HTTP/2 connections for unary gRPC calls; nothing is encoded or decoded but the five bytes before each message. */
export async function connectGrpc(
  endpoint: GrpcEndpoint,
  messages: readonly Uint8Array[],
  connections: number,
): Promise<Exchange> {
  const sessions = await Promise.all(Array.from({ length: connections }, () => openSession(endpoint.address)));
  const frames = messages.map(frameOf);
  const headers: OutgoingHttpHeaders = {
    ':method': 'POST',
    ':path': endpoint.path,
    ':scheme': 'http',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  let turn = 0;
  return {
    send(index, capture, done) {
      const session = sessions[turn++ % sessions.length];
      const frame = frames[index];
      if (session === undefined || frame === undefined) throw new RangeError(`no request ${index}`);
      if (session.closed || session.destroyed) {
        setImmediate(done, 'the connection is closed', undefined);
        return;
      }
      const stream = session.request(headers);
      listen(stream, capture, done);
      stream.end(frame);
    },
    close() {
      for (const session of sessions) session.destroy();
    },
  };
}

function listen(stream: ClientHttp2Stream, capture: boolean, done: Done): void {
  let status: string | undefined;
  let reason = '';
  let failure: string | undefined;
  let received = 0;
  let announced = 0;
  let finished = false;
  const chunks: Buffer[] = [];

  const finish = () => {
    if (finished) return;
    finished = true;
    if (failure === undefined && status !== '0') failure = `gRPC status ${status ?? 'missing'}${reason}`;
    if (failure === undefined && received !== announced + PREFIX)
      failure = 'a message of another length than announced';
    done(failure, capture && failure === undefined ? Buffer.concat(chunks).subarray(PREFIX) : undefined);
  };
  const take = (headers: IncomingHttpHeaders) => {
    status = String(headers['grpc-status']);
    const message = headers['grpc-message'];
    if (message !== undefined) reason = `: ${decodeURIComponent(String(message))}`;
  };
  stream.on('response', (headers) => {
    if (headers['grpc-status'] !== undefined) take(headers);
  });
  stream.on('trailers', take);
  stream.on('data', (chunk: Buffer) => {
    // The length stands in bytes 1 to 4, which may come in pieces.
    for (let at = received; at < PREFIX && at - received < chunk.length; at++) {
      if (at > 0) announced = announced * 256 + (chunk[at - received] ?? 0);
    }
    received += chunk.length;
    if (capture) chunks.push(chunk);
  });
  stream.on('error', (error) => {
    failure ??= error.message;
  });
  stream.on('end', () => {
    if (status !== undefined) finish();
  });
  stream.on('close', finish);
}

function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(PREFIX + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX);
  return frame;
}

function openSession(address: string): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${address}`, { settings: { initialWindowSize: STREAM_WINDOW, enablePush: false } });
    session.once('error', reject);
    session.once('connect', () => {
      session.off('error', reject);
      // Later errors end the streams under way, which report them.
      session.on('error', () => {});
      session.setLocalWindowSize(SESSION_WINDOW);
      resolve(session);
    });
  });
}
