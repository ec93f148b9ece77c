import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import type { GrpcServer, HandedConnections, ServiceTable } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers, startGrpcServer } from '../../../src/transports/grpc/start-grpc-server.ts';

const methods: ServiceTable = [
  { path: '/test.Echo/Echo', handle: (message) => message },
  { path: '/test.Echo/Wait', handle: (message) => sleep(300, message) },
];

for (const kind of Object.keys(grpcServers) as (keyof typeof grpcServers)[]) {
  describe(`the ${kind} server with connections that are handed to it`, () => {
    let listener: Server;
    let server: GrpcServer;
    let client: Client;

    beforeEach(async () => {
      let serve: ((socket: Socket) => void) | undefined;
      listener = createServer((socket) => serve?.(socket));
      listener.listen(0, '127.0.0.1');
      await once(listener, 'listening');
      const connections: HandedConnections = {
        address: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
        take(callback) {
          serve = callback;
        },
      };
      server = await startGrpcServer(kind, methods, {
        address: connections,
        maxMessageBytes: 1000,
        maxConcurrentStreams: 100,
        defaultDeadlineMs: 5_000,
        maxDeadlineMs: 5_000,
        streamIdleMs: 60_000,
        onFailure: () => {},
      });
      client = new Client(server.address, credentials.createInsecure());
    });

    afterEach(async () => {
      client.close();
      await server.close(0);
      listener.close();
    });

    function call(method: string): Promise<string> {
      const bytes = (buffer: Buffer) => buffer;
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          `/test.Echo/${method}`,
          bytes,
          bytes,
          Buffer.from('x'),
          (error: ServiceError | null, reply?: Buffer) => {
            if (error === null) resolve(String(reply));
            else reject(error);
          },
        );
      });
    }

    it('answers calls on them', async () => {
      assert.equal(await call('Echo'), 'x');
    });

    it('lets calls on them finish when it closes, and is closed only then', async () => {
      const pending = call('Wait');
      await sleep(100);
      assert.equal(server.openCalls(), 1);
      await server.close(5_000);
      assert.equal(server.openCalls(), 0);
      assert.equal(await pending, 'x');
    });
  });
}
