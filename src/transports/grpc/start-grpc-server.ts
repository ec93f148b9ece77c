import { startGrpcJsServer } from './grpc-js-server.ts';
import { startGrpcHttp2Server } from './http2/grpc-http2-server.ts';
import type { GrpcServer, GrpcServerOptions, ServiceTable } from './service-table.ts';

/** The servers that can run a service table; `sideboard.grpc.server` chooses. They pass the same tests. */
export const grpcServers = {
  'node-http2': startGrpcHttp2Server,
  'grpc-js': startGrpcJsServer,
} as const;

export type GrpcServerKind = keyof typeof grpcServers;

/** @throws TransportError when the address cannot be bound */
export function startGrpcServer(
  kind: GrpcServerKind,
  methods: ServiceTable,
  options: GrpcServerOptions,
): Promise<GrpcServer> {
  return grpcServers[kind](methods, options);
}
