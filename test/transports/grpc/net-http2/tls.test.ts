import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { startNetHttp2Server } from '../../../../src/transports/grpc/net-http2/net-http2-server.ts';
import type { GrpcServer } from '../../../../src/transports/grpc/service-table.ts';
import { createEchoService, patternOf } from '../../../support/echo-service.ts';
import { http2Call, statusOf } from '../../../support/http2-call.ts';
import { grpcMessage } from '../../../support/http2-wire.ts';
import { createCertificates } from '../../../support/redis-topologies.ts';
import { useTempFolder } from '../../../support/temp-folder.ts';

describe('the net-http2 server on TLS sockets', function () {
  this.timeout(20_000);
  const folder = useTempFolder();
  let listener: Server;
  let server: GrpcServer;
  let authority: Buffer;

  beforeEach(async () => {
    const { ca, cert, key } = createCertificates(folder());
    authority = readFileSync(ca);
    listener = createServer({ cert: readFileSync(cert), key: readFileSync(key), ALPNProtocols: ['h2'] });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const echo = createEchoService();
    const address = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
    const from = { address, take: (serve: (socket: Socket) => void) => void listener.on('secureConnection', serve) };
    server = await startNetHttp2Server(echo.methods, echo.options({ address: from }));
  });
  afterEach(async () => {
    await server.close(0);
    listener.close();
  });

  it('answers calls, small and large, and closes behind the last', async () => {
    const session = connect(`https://${server.address}`, { ca: authority });
    session.on('error', () => {});
    const sizes = [0, 10, 5_000, 70_000, 3_000_000];
    const calls = Array.from({ length: 40 }, async (_, at) => {
      const size = sizes[at % sizes.length] ?? 0;
      const answer = await http2Call(session, '/test.Echo/Large', { frames: [grpcMessage(Buffer.from(String(size)))] });
      assert.equal(statusOf(answer), 0);
      assert.ok(answer.body.equals(grpcMessage(patternOf(size))));
    });
    await Promise.all(calls);
    assert.equal((session.socket as unknown as { alpnProtocol: string }).alpnProtocol, 'h2');
    const last = http2Call(session, '/test.Echo/Wait', { frames: [grpcMessage(Buffer.from('100'))] });
    await new Promise((resolve) => setTimeout(resolve, 40));
    await server.close(2_000);
    assert.equal(statusOf(await last), 0);
  });
});
