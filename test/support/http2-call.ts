import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { callHeaders } from './http2-wire.ts';

/** What came back on one stream. */
export interface Http2Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** 0 unless the server reset the stream. */
  readonly resetCode: number;
}

export interface Http2Request {
  readonly headers?: OutgoingHttpHeaders;
  /** DATA frames, one by one; none ends the stream with the headers. */
  readonly frames?: readonly Buffer[];
  /** Do not end the stream. */
  readonly leaveOpen?: boolean;
}

export function openSession(address: string): ClientHttp2Session {
  // Node 20 never takes what it queued for a stream that was reset off the session's account, which has ten megabytes by default.
  const session = connect(`http://${address}`, { maxSendHeaderBlockLength: 1024 * 1024, maxSessionMemory: 1000 });
  session.on('error', () => {});
  return session;
}

/** One call with whatever headers and frames a test wants; undefined headers are left out. */
export function http2Call(session: ClientHttp2Session, path: string, request: Http2Request = {}): Promise<Http2Answer> {
  const wanted = Object.entries({ ...callHeaders(path), ...request.headers }).filter(
    ([, value]) => value !== undefined,
  );
  const frames = request.frames ?? [];
  const stream = session.request(Object.fromEntries(wanted), { endStream: frames.length === 0 && !request.leaveOpen });
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  const body: Buffer[] = [];
  stream.on('response', (received) => {
    headers = received;
  });
  stream.on('trailers', (received) => {
    trailers = received;
  });
  stream.on('data', (chunk: Buffer) => body.push(chunk));
  const answer = new Promise<Http2Answer>((resolve, reject) => {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ERR_HTTP2_STREAM_ERROR') reject(error);
    });
    stream.on('close', () =>
      resolve({
        headers,
        trailers,
        body: Buffer.concat(body),
        resetCode: stream.rstCode ?? constants.NGHTTP2_NO_ERROR,
      }),
    );
  });
  void sendFrames(stream, frames, request.leaveOpen === true);
  return answer;
}

async function sendFrames(
  stream: ReturnType<ClientHttp2Session['request']>,
  frames: readonly Buffer[],
  leaveOpen: boolean,
): Promise<void> {
  for (const [at, bytes] of frames.entries()) {
    if (stream.destroyed) return;
    const last = at === frames.length - 1 && !leaveOpen;
    // Waiting for each write keeps node from joining them into one frame.
    await new Promise<void>((resolve) => {
      if (last) stream.end(bytes, () => resolve());
      else stream.write(bytes, () => resolve());
    });
  }
}

/** Status of a call: from trailers, or from headers where there is nothing else. */
export function statusOf({ headers, trailers }: Http2Answer): number | undefined {
  const text = trailers['grpc-status'] ?? headers['grpc-status'];
  return text === undefined ? undefined : Number(text);
}
