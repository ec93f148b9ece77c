import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { AccessLog } from '../../../src/operations/calls/access-log.ts';
import { CallWatch } from '../../../src/operations/calls/call-watch.ts';
import { grpcServers } from '../../../src/transports/grpc/start-grpc-server.ts';
import { createEchoService, giveBack } from '../../support/echo-service.ts';
import { eventually } from '../../support/http2-server-under-test.ts';
import { createLogLines } from '../../support/log-lines.ts';

const bytes = (message: Buffer): Buffer => message;

for (const [kind, start] of Object.entries(grpcServers)) {
  describe(`lines of streaming calls of the ${kind} server`, function () {
    this.timeout(30_000);

    it('say how each ended for its caller, also of one that the server stopped', async () => {
      const { log, lines } = createLogLines();
      const settings = { enabled: true, sampleRatio: 1, slowMs: 3_600_000, maxPerSecond: 100 };
      const accessLog = new AccessLog({ settings, log });
      const watch = new CallWatch({ tracer: undefined, accessLog, storeType: 'sqlite' });
      const echo = createEchoService();
      const server = await start(
        watch.watched([giveBack]),
        echo.options({ onFailure: (...failure) => watch.failed(...failure) }),
      );
      const client = new Client(server.address, credentials.createInsecure());
      const open = (): ClientDuplexStream<Buffer, Buffer> => {
        const stream = client.makeBidiStreamRequest(giveBack.path, bytes, bytes);
        stream.on('error', () => {});
        stream.write(Buffer.from('x'));
        return stream;
      };
      try {
        const [whole, stopped] = [open(), open()];
        await Promise.all([whole, stopped].map((stream) => once(stream, 'data')));
        whole.end();
        await once(whole, 'end');
        const ended = new Promise((resolve) => stopped.on('status', resolve));
        await server.close(1_000);
        await ended;
        await eventually(
          () => lines.length === 2,
          () => JSON.stringify(lines),
        );
        const told = lines.map(({ code, error, reason }) => ({ code, error, reason }));
        assert.deepEqual(told, [
          { code: 'OK', error: undefined, reason: 'sample' },
          { code: 'UNAVAILABLE', error: 'SHUTTING_DOWN', reason: 'error' },
        ]);
      } finally {
        client.close();
        await server.close(0);
      }
    });
  });
}
