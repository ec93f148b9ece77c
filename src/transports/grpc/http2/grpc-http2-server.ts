import { createServer, type Http2Server, type ServerHttp2Session, type ServerOptions } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { clearStaleSocket, hostText, listenError, openSocketToGroup, parseListenAddress } from '../grpc-address.ts';
import type { GrpcServer, GrpcServerOptions, ServiceTable } from '../service-table.ts';
import { GrpcConnection, type ServerContext } from './grpc-connection.ts';
import { type Http2Limits, http2Limits } from './http2-limits.ts';

/**
 * A gRPC server for unary methods on node:http2, without a layer in between: what a call costs is mostly what HTTP/2 costs.
 * @param limits other limits than those documented, for tests
 * @throws TransportError when the address cannot be bound
 */
export async function startGrpcHttp2Server(
  methods: ServiceTable,
  options: GrpcServerOptions,
  limits: Http2Limits = http2Limits,
): Promise<GrpcServer> {
  const context: ServerContext = { methods: new Map(methods.map((each) => [each.path, each])), options, limits };
  const server = createServer(serverOptions(options, limits));
  const connections = new Set<GrpcConnection>();
  let closing: Promise<void> | undefined;

  // 'connection' comes before node:http2 has made a session of it: the session's own `socket` cannot be destroyed.
  let accepted: Socket | undefined;
  server.prependListener('connection', (socket: Socket) => {
    accepted = socket;
  });
  server.on('session', (session: ServerHttp2Session) => {
    const socket = accepted;
    if (socket === undefined) return;
    const connection = new GrpcConnection(session, socket, context);
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
    if (closing !== undefined) connection.drain();
  });
  // Bytes that are no HTTP/2 end their own connection and nothing else.
  server.on('sessionError', () => {});

  const address = await listen(server, options.address);
  const timers = [
    setInterval(() => {
      const now = Date.now();
      for (const connection of connections) connection.sweep(now);
    }, limits.sweepMs),
    setInterval(() => {
      for (const connection of connections) connection.checkAlive();
    }, limits.keepaliveMs),
  ];

  const stopTimers = (): void => {
    for (const timer of timers) clearInterval(timer);
  };
  return {
    address,
    openCalls: () => [...connections].reduce((sum, connection) => sum + connection.openCalls, 0),
    close(graceMs) {
      closing ??= close(server, connections, graceMs, limits).finally(stopTimers);
      return closing;
    },
  };
}

function serverOptions(options: GrpcServerOptions, limits: Http2Limits): ServerOptions {
  const known: ServerOptions = {
    settings: {
      maxConcurrentStreams: options.maxConcurrentStreams,
      maxHeaderListSize: limits.maxHeaderBytes,
      enablePush: false,
    },
    // Beyond its limit node:http2 refuses streams, and soon the connection. Answers are counted by the connection instead.
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
  };
  // Options of node:net and of newer Nodes that the types do not know here.
  return Object.assign(known, {
    noDelay: true,
    streamResetRate: limits.resetsPerSecond,
    streamResetBurst: limits.resetsAtOnce,
  });
}

async function listen(server: Http2Server, text: string): Promise<string> {
  const address = parseListenAddress(text);
  if (address.kind === 'unix') await clearStaleSocket(address.path);
  const bound = address.kind === 'unix' ? `unix:${address.path}` : `${hostText(address.host)}:${address.port}`;
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(listenError(bound, error.code === 'EADDRINUSE', error));
    server.once('error', fail);
    const ready = () => {
      server.removeListener('error', fail);
      resolve();
    };
    if (address.kind === 'unix') server.listen(address.path, ready);
    else server.listen(address.port, address.host, ready);
  });
  if (address.kind === 'tcp') return `${hostText(address.host)}:${(server.address() as AddressInfo).port}`;
  await openSocketToGroup(address.path);
  return bound;
}

/** Stops accepting and drains every connection. Calls that outlast the grace are answered UNAVAILABLE. */
async function close(
  server: Http2Server,
  connections: ReadonlySet<GrpcConnection>,
  graceMs: number,
  limits: Http2Limits,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  for (const connection of connections) connection.drain();
  const timers = [
    setTimeout(() => {
      for (const connection of connections) connection.abandon();
    }, graceMs),
    setTimeout(() => {
      for (const connection of connections) connection.destroy();
    }, graceMs + limits.hangUpMs),
  ];
  await closed;
  for (const timer of timers) clearTimeout(timer);
}
