import { type ConnectorServiceOptions, createConnectorService } from '../../src/transports/grpc/connector-service.ts';
import type { GrpcServer, ServiceTable } from '../../src/transports/grpc/service-table.ts';
import { startGrpcServer } from '../../src/transports/grpc/start-grpc-server.ts';

export interface ConnectorServerOptions extends ConnectorServiceOptions {
  readonly address: string;
}

/** `sideboard connector` without a project: a store of a test behind the protocol. */
export function startConnector(options: ConnectorServerOptions): Promise<GrpcServer> {
  return startServices(createConnectorService(options), options.address);
}

export function startServices(services: ServiceTable, address: string): Promise<GrpcServer> {
  return startGrpcServer('node-http2', services, {
    address,
    maxMessageBytes: 4 << 20,
    maxConcurrentStreams: 256,
    defaultDeadlineMs: 5000,
    maxDeadlineMs: 60_000,
    streamIdleMs: 60_000,
    onFailure: () => {},
  });
}
