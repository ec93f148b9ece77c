import { createServer, type Socket } from 'node:net';
import { CallAdmission } from '../call-admission.ts';
import { ConnectionSet } from '../connection-set.ts';
import { acceptorOf, takeConnections } from '../listen.ts';
import type { GrpcServer, GrpcServerOptions, ServiceTable } from '../service-table.ts';
import { Connection } from './connection.ts';
import { MemoryPool } from './memory-pool.ts';
import { configuredLimits, type NetHttp2Limits, netHttp2Limits } from './net-http2-limits.ts';
import type { ServerContext } from './server-context.ts';

/**
 * A gRPC server that speaks HTTP/2 itself, on sockets: what a call costs is the reading and writing of
 * its bytes, shared with the other calls of the same turn of the event loop, and one small object.
 * @param base other limits than those documented, for tests
 * @throws TransportError when the address cannot be bound
 */
export async function startNetHttp2Server(
  methods: ServiceTable,
  options: GrpcServerOptions,
  base: NetHttp2Limits = netHttp2Limits,
): Promise<GrpcServer> {
  const limits = configuredLimits(base, options.limits);
  const memory = new MemoryPool();
  const context: ServerContext = {
    methods: new Map(methods.map((each) => [each.path, each])),
    options,
    limits,
    memory,
    admission: options.admission && new CallAdmission(options.admission),
  };
  const connections = new ConnectionSet({ ...context, onLimit: options.onLimit });
  const accept = acceptorOf(
    options,
    (socket: Socket): void => {
      socket.setNoDelay(true);
      connections.add(new Connection(socket, context));
    },
    limits.maxConnections,
  );
  const listener = createServer({ allowHalfOpen: true }, accept);
  const address = await takeConnections(listener, options, accept);
  connections.every(limits.memoryTrimMs, () => memory.trim());
  return connections.serve(listener, address);
}
