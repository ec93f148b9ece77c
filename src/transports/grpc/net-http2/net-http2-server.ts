import { createServer, type Server, type Socket } from 'node:net';
import { listen } from '../listen.ts';
import type { GrpcServer, GrpcServerOptions, ServiceTable } from '../service-table.ts';
import { Connection } from './connection.ts';
import { MemoryPool } from './memory-pool.ts';
import { type NetHttp2Limits, netHttp2Limits } from './net-http2-limits.ts';
import type { ServerContext } from './server-context.ts';

/**
 * A gRPC server for unary methods that speaks HTTP/2 itself, on plain sockets: what a call costs is the reading and writing of
 * its bytes, shared with the other calls of the same turn of the event loop, and one small object.
 * @param limits other limits than those documented, for tests
 * @throws TransportError when the address cannot be bound
 */
export async function startNetHttp2Server(
  methods: ServiceTable,
  options: GrpcServerOptions,
  limits: NetHttp2Limits = netHttp2Limits,
): Promise<GrpcServer> {
  const memory = new MemoryPool();
  const context: ServerContext = {
    methods: new Map(methods.map((each) => [each.path, each])),
    options,
    limits,
    memory,
  };
  const connections = new Set<Connection>();
  let closing: Promise<void> | undefined;

  const serve = (socket: Socket): void => {
    socket.setNoDelay(true);
    const connection = new Connection(socket, context);
    connections.add(connection);
    void connection.hungUp.then(() => connections.delete(connection));
    if (closing !== undefined) connection.drain();
  };
  const listener = createServer({ allowHalfOpen: true }, serve);
  const { address: from } = options;
  const address = typeof from === 'string' ? await listen(listener, from) : from.address;
  if (typeof from !== 'string') from.take(serve);

  const timers = [
    setInterval(() => {
      const now = Date.now();
      for (const connection of connections) connection.sweep(now);
    }, limits.sweepMs),
    setInterval(() => {
      for (const connection of connections) connection.checkAlive();
    }, limits.keepaliveMs),
    setInterval(() => memory.trim(), limits.memoryTrimMs),
  ];
  return {
    address,
    openCalls: () => [...connections].reduce((sum, connection) => sum + connection.openCalls, 0),
    close(graceMs) {
      closing ??= close(listener, connections, graceMs, limits).finally(() => {
        for (const timer of timers) clearInterval(timer);
      });
      return closing;
    },
  };
}

/** Stops accepting and drains every connection. Calls that outlast the grace are answered UNAVAILABLE. */
async function close(
  listener: Server,
  connections: ReadonlySet<Connection>,
  graceMs: number,
  limits: NetHttp2Limits,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    // A listener that was not needed says that it does not listen, which is as good.
    listener.close(() => resolve());
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
  // The listener waits for the connections that it accepted, not for those that were handed over.
  await Promise.all([...connections].map((connection) => connection.hungUp));
  for (const timer of timers) clearTimeout(timer);
}
