import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { adminLimits } from '../../../src/transports/http/admin-limits.ts';
import { type AdminServer, startAdminServer } from '../../../src/transports/http/admin-server.ts';
import { TransportError } from '../../../src/transports/transport-error.ts';
import { projectRoot } from '../../support/project-root.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const none = () => Promise.reject(new Error('none'));

describe('the server for probes and metrics', function () {
  this.timeout(20_000);

  const folder = useTempFolder();
  let server: AdminServer;
  let ready = true;

  beforeEach(async () => {
    ready = true;
    server = await startAdminServer('127.0.0.1:0', {
      ready: () => ({ ready, why: 'tests' }),
      async metrics(accept) {
        if (accept === 'fail') throw new Error('password=hunter2');
        return { contentType: 'text/plain; version=0.0.4', text: `# for ${accept}\n` };
      },
    });
  });

  afterEach(() => server.close());

  const url = (path: string) => `http://${server.address}${path}`;

  it('answers GET and HEAD of its three pages, whatever stands behind a question mark', async () => {
    for (const [path, body] of [
      ['/livez', 'alive\n'],
      ['/readyz?verbose', '{"ready":true,"why":"tests"}\n'],
      ['/metrics', '# for */*\n'],
    ] as const) {
      const got = await fetch(url(path));
      assert.equal(got.status, 200);
      assert.equal(await got.text(), body);
      assert.equal(got.headers.get('cache-control'), 'no-store');
      const head = await fetch(url(path), { method: 'HEAD' });
      assert.equal(head.status, 200);
      assert.equal(head.headers.get('content-length'), String(body.length));
      assert.equal(await head.text(), '');
    }
  });

  it('is alive, with 503 for readiness, while the process is not ready', async () => {
    ready = false;
    assert.equal((await fetch(url('/livez'))).status, 200);
    const got = await fetch(url('/readyz'));
    assert.equal(got.status, 503);
    assert.deepEqual(await got.json(), { ready: false, why: 'tests' });
  });

  it('refuses other paths, other methods and bodies', async () => {
    for (const path of ['/', '/livez/', '/readyz/../livez2', '/metrics.txt', '//livez']) {
      assert.equal((await fetch(url(path))).status, 404, path);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const got = await fetch(url('/livez'), { method });
      assert.equal(got.status, 405, method);
      assert.equal(got.headers.get('allow'), 'GET, HEAD');
    }
    const got = await raw('GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\nGET /livez HTTP/1.1\r\n\r\n');
    assert.match(got, /^HTTP\/1\.1 413 /);
    assert.equal(got.match(/HTTP\/1\.1 /g)?.length, 1);
    assert.match(await raw('GET /livez HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'), / 413 /);
  });

  it('says nothing of a failure of its own', async () => {
    const got = await fetch(url('/metrics'), { headers: { accept: 'fail' } });
    assert.equal(got.status, 500);
    assert.equal(await got.text(), 'This page could not be made.\n');
  });

  it('hangs up on a request that never ends, and refuses one whose head is too large', async () => {
    const started = Date.now();
    assert.match(await raw('GET /livez HTTP/1.1\r\nhost: x\r\nx-slow: '), /^HTTP\/1\.1 408 |^$/);
    assert.ok(Date.now() - started < adminLimits.requestMs + 3 * adminLimits.sweepMs);
    const large = await raw(`GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(adminLimits.maxHeaderBytes)}\r\n\r\n`);
    assert.match(large, /^HTTP\/1\.1 431 /);
    assert.match(await raw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), /^HTTP\/1\.1 400 /);
  });

  it('answers probes while somebody holds all the connections that there may be, and hangs up on the oldest', async () => {
    const port = Number(server.address.split(':')[1]);
    const held = [];
    for (let at = 0; at < adminLimits.maxConnections; at++) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      await once(socket, 'connect');
      held.push(socket);
    }
    const [first, second] = held;
    assert.ok(first !== undefined && second !== undefined);
    first.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(first, 'data');
    const [answer] = await Promise.all([
      raw('GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'),
      once(second, 'close'),
    ]);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.ok(!first.destroyed, 'one that was used was closed');
    for (const socket of held) socket.destroy();
  });

  it('hangs up on a client that asks and asks without reading, and makes no pages for it', async () => {
    let made = 0;
    const other = await startAdminServer('127.0.0.1:0', {
      ready: () => ({ ready }),
      async metrics() {
        made++;
        return { contentType: 'text/plain', text: 'x'.repeat(100_000) };
      },
    });
    try {
      const socket = connect(Number(other.address.split(':')[1]), '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(500));
      await once(socket, 'close');
      assert.ok(made <= adminLimits.maxWaitingPerConnection, `${made} pages were made`);
    } finally {
      await other.close();
    }
  });

  it('answers the requests of a connection one behind the other, however many', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      for (let at = 0; at < 50; at++) {
        const [response] = (await once(request(url('/metrics'), { agent }).end(), 'response')) as [IncomingMessage];
        assert.equal(response.statusCode, 200);
        await once(response.resume(), 'end');
      }
      assert.equal(Object.values(agent.freeSockets).flat().length, 1, 'it was one connection');
    } finally {
      agent.destroy();
    }
  });

  it('serves on a Unix socket', async () => {
    const path = join(folder(), 'a.sock');
    const other = await startAdminServer(`unix:${path}`, { ready: () => ({ ready }), metrics: none });
    try {
      const asked = request({ socketPath: path, path: '/metrics' }).end();
      const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }];
      response.resume();
      assert.equal(response.statusCode, 500);
    } finally {
      await other.close();
    }
  });

  it('names its own option where the address is taken', async () => {
    await assert.rejects(
      startAdminServer(server.address, { ready: () => ({ ready }), metrics: none }),
      (error: TransportError) => {
        assert.equal(error.code, 'ADDRESS_IN_USE');
        assert.match(error.hint ?? '', /--admin-address/);
        return error instanceof TransportError;
      },
    );
  });

  it('closes although a client keeps its connection open, and closes twice', async () => {
    const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    await Promise.all([server.close(), server.close()]);
    socket.destroy();
  });

  it('keeps the limits that the guide gives', () => {
    const guide = readFileSync(join(projectRoot, 'docs/guide/operations.md'), 'utf8');
    for (const text of ['8,192 bytes', '5 s', '15 s', '64 connections', '1,000 requests', 'more than four wait'])
      assert.ok(guide.includes(text), text);
    const { maxHeaderBytes, requestMs, keepAliveMs, maxConnections, maxRequestsPerConnection } = adminLimits;
    assert.deepEqual(
      [maxHeaderBytes, requestMs, keepAliveMs, maxConnections, maxRequestsPerConnection],
      [8_192, 5_000, 15_000, 64, 1_000],
    );
    assert.equal(adminLimits.maxWaitingPerConnection, 4);
  });

  /** What a server answers to bytes, until it hangs up. */
  async function raw(text: string): Promise<string> {
    const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.write(text);
    await once(socket, 'close');
    return Buffer.concat(chunks).toString();
  }
});
