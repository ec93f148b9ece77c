import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { TransportError } from '../../transport-error.ts';
import { clearStaleSocket, type ListenAddress, openSocketToGroup, parseListenAddress } from '../grpc-address.ts';
import { grpcFailureFrom } from '../grpc-status.ts';
import type { GrpcServer, GrpcServerOptions, ServiceTable, UnaryMethod } from '../service-table.ts';
import { GrpcCall } from './grpc-call.ts';
import { failureHeaders, isGrpc, parseEncoding, parseTimeout } from './grpc-headers.ts';
import { guardPings } from './ping-guard.ts';

const LAST_STREAM_ID = 2 ** 31 - 1;
/** How long clients may take to hear that the connection closes, before no new call is accepted on it. */
const GOAWAY_HEARD_MS = 50;
/** How long the last answers may take to leave once every call was ended. */
const FLUSH_MS = 250;

/**
 * A gRPC server for unary methods on node:http2, without a layer in between: what a call costs is mostly what HTTP/2 costs.
 * @throws TransportError when the address cannot be bound
 */
export async function startGrpcHttp2Server(methods: ServiceTable, options: GrpcServerOptions): Promise<GrpcServer> {
  const byPath = new Map(methods.map((method) => [method.path, method]));
  const calls = new Set<GrpcCall>();
  const sessions = new Set<ServerHttp2Session>();
  const context = {
    maxMessageBytes: options.maxMessageBytes,
    onFailure: options.onFailure,
    onEnd: (call: GrpcCall) => {
      calls.delete(call);
    },
  };

  const server = createServer({
    settings: { maxConcurrentStreams: options.maxConcurrentStreams, enablePush: false },
    noDelay: true,
  } as ServerOptions);
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    // A connection that breaks is the client's affair; its calls hear of it as closed streams.
    session.on('error', () => {});
    const pings = guardPings(session);
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      pings.called();
      const accepted = acceptCall(stream, headers, byPath, options);
      if (accepted === undefined) return;
      calls.add(new GrpcCall(stream, accepted.method, accepted.encoding, accepted.deadline, context));
    });
  });
  // Bytes that are no HTTP/2 end their own connection and nothing else.
  server.on('sessionError', () => {});

  const address = await listen(server, parseListenAddress(options.address));
  return { address, close: (graceMs) => close(server, sessions, calls, graceMs) };
}

interface AcceptedCall {
  readonly method: UnaryMethod;
  readonly encoding: 'identity' | 'gzip';
  readonly deadline: number;
}

/** Looks at a call's headers. A call that cannot be run is answered here, and nothing is returned. */
function acceptCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  methods: ReadonlyMap<string, UnaryMethod>,
  options: GrpcServerOptions,
): AcceptedCall | undefined {
  if (headers[':method'] !== 'POST' || !isGrpc(headers)) {
    stream.on('error', () => {});
    // Not a gRPC client: it gets an HTTP status, as the gRPC specification asks.
    stream.respond({ ':status': headers[':method'] === 'POST' ? 415 : 405 }, { endStream: true });
    return undefined;
  }
  try {
    const path = headers[':path'] ?? '';
    const method = methods.get(path);
    if (method === undefined) {
      throw new TransportError('UNKNOWN_METHOD', `There is no method ${path.slice(0, 200)} here.`);
    }
    const now = Date.now();
    const timeout = parseTimeout(header(headers, 'grpc-timeout')) ?? options.defaultDeadlineMs;
    return {
      method,
      encoding: parseEncoding(header(headers, 'grpc-encoding')),
      deadline: now + Math.min(timeout, options.maxDeadlineMs),
    };
  } catch (error) {
    options.onFailure(error, undefined);
    stream.on('error', () => {});
    stream.respond(failureHeaders(grpcFailureFrom(error)), { endStream: true });
    stream.resume();
    return undefined;
  }
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

async function listen(server: Http2Server, address: ListenAddress): Promise<string> {
  if (address.kind === 'unix') await clearStaleSocket(address.path);
  const text = address.kind === 'unix' ? `unix:${address.path}` : `${hostText(address.host)}:${address.port}`;
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(listenError(text, error));
    server.once('error', fail);
    const ready = () => {
      server.removeListener('error', fail);
      resolve();
    };
    if (address.kind === 'unix') server.listen(address.path, ready);
    else server.listen(address.port, address.host, ready);
  });
  if (address.kind === 'unix') {
    await openSocketToGroup(address.path);
    return text;
  }
  return `${hostText(address.host)}:${(server.address() as AddressInfo).port}`;
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function listenError(address: string, cause: NodeJS.ErrnoException): TransportError {
  if (cause.code === 'EADDRINUSE') {
    const hint = 'Stop the process that listens there, or choose another address with --grpc-address.';
    return new TransportError('ADDRESS_IN_USE', `${address} is in use.`, { hint, cause });
  }
  const hint = 'Check that the address belongs to this machine and that the process may bind it.';
  return new TransportError('LISTEN_FAILED', `Cannot listen on ${address}.`, { hint, cause });
}

/**
 * Closes without losing a call: clients first hear GOAWAY while calls that are already on their way are still taken, then
 * connections close as their last call ends. Calls that outlast the grace are answered UNAVAILABLE.
 */
async function close(
  server: Http2Server,
  sessions: ReadonlySet<ServerHttp2Session>,
  calls: ReadonlySet<GrpcCall>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // A session whose socket has just closed is still listed, and refuses to be spoken to.
  for (const session of sessions) if (!session.destroyed && !session.closed) session.goaway(0, LAST_STREAM_ID);
  const timers = [
    setTimeout(() => closeAll(sessions), Math.min(GOAWAY_HEARD_MS, graceMs)),
    setTimeout(() => {
      for (const call of [...calls]) call.fail(new TransportError('SHUTTING_DOWN', 'The server is shutting down.'));
      closeAll(sessions);
    }, graceMs),
    setTimeout(() => {
      for (const session of sessions) session.destroy();
    }, graceMs + FLUSH_MS),
  ];
  await closed;
  for (const timer of timers) clearTimeout(timer);
}

function closeAll(sessions: ReadonlySet<ServerHttp2Session>): void {
  for (const session of sessions) session.close();
}
