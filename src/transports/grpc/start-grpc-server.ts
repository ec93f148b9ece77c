import type { GrpcServer, GrpcServerOptions, ServiceTable } from './service-table.ts';

/** @throws TransportError when the address cannot be bound */
type StartGrpcServer = (methods: ServiceTable, options: GrpcServerOptions) => Promise<GrpcServer>;

/**
 * The servers that can run a service table; `sideboard.grpc.server` chooses. They pass the same tests. Each is loaded on first
 * use: the library of the one that is not chosen would cost memory and time to start.
 */
export const grpcServers = {
  'net-http2': async (methods, options) =>
    (await import('./net-http2/net-http2-server.ts')).startNetHttp2Server(methods, options),
  'node-http2': async (methods, options) =>
    (await import('./http2/grpc-http2-server.ts')).startGrpcHttp2Server(methods, options),
  'grpc-js': async (methods, options) => (await import('./grpc-js-server.ts')).startGrpcJsServer(methods, options),
} as const satisfies Readonly<Record<string, StartGrpcServer>>;

export type GrpcServerKind = keyof typeof grpcServers;

/** @throws TransportError when the address cannot be bound */
export function startGrpcServer(
  kind: GrpcServerKind,
  methods: ServiceTable,
  options: GrpcServerOptions,
): Promise<GrpcServer> {
  return grpcServers[kind](methods, options);
}
