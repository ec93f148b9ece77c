import assert from 'node:assert/strict';
import { chmodSync, existsSync, lstatSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { assertProtected } from '../../../src/transports/grpc/exposure.ts';
import { createdPrivately } from '../../../src/transports/grpc/grpc-address.ts';
import { listen } from '../../../src/transports/grpc/listen.ts';
import { TransportError } from '../../../src/transports/transport-error.ts';
import { skipBecause } from '../../support/skip-because.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const none = { tls: false, auth: false, insecureAllowRemote: false };
const LOCAL = ['127.0.0.1:1', '127.8.9.10:1', 'localhost:1', '[::1]:1', '[0:0:0:0:0:0:0:1]:1', 'unix:/run/x.sock'];
const REMOTE = [
  '0.0.0.0:1',
  ':1',
  '[::]:1',
  '10.0.0.1:1',
  '[::ffff:127.0.0.1]:1',
  'sidecar.local:1',
  'localhost.evil:1',
];

describe('an address to serve', () => {
  it('needs nothing where only this machine or pod can connect', () => {
    for (const address of LOCAL) assertProtected(address, none);
  });

  it('needs TLS and authentication where others can, or a word that it is meant so', () => {
    for (const address of REMOTE) {
      for (const part of [none, { ...none, tls: true }, { ...none, auth: true }]) {
        assert.throws(
          () => assertProtected(address, part),
          (error) => {
            assert.ok(error instanceof TransportError);
            assert.equal(error.code, 'INSECURE_REMOTE_BIND');
            assert.ok(error.message.includes(address));
            assert.match(error.hint ?? '', /--insecure-allow-remote/);
            return true;
          },
          address,
        );
      }
      assertProtected(address, { ...none, tls: true, auth: true });
      assertProtected(address, { ...none, insecureAllowRemote: true });
    }
  });

  it('says what is missing', () => {
    assert.throws(() => assertProtected(':1', { ...none, tls: true }), /without authentication\./);
    assert.throws(() => assertProtected(':1', none), /without TLS and authentication\./);
  });
});

describe('a Unix socket to serve', () => {
  const folder = useTempFolder();
  const servers: Server[] = [];
  const start = (mode?: number): Promise<string> => {
    const server = createServer((socket) => socket.destroy());
    servers.push(server);
    return listen(server, `unix:${join(folder(), 'x.sock')}`, { socketMode: mode });
  };
  const socketFile = () => join(folder(), 'x.sock');

  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  });

  it('lets in owner and group, or whom its mode says, whatever the umask is', async () => {
    const umask = process.umask(0);
    try {
      await start();
      assert.equal(statSync(socketFile()).mode & 0o777, 0o660);
    } finally {
      process.umask(umask);
    }
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    await start(0o600);
    assert.equal(statSync(socketFile()).mode & 0o777, 0o600);
    assert.equal(process.umask(), umask);
  });

  it('lets in nobody else in the moment before it has its mode', () => {
    const umask = process.umask(0);
    const server = createServer();
    servers.push(server);
    try {
      createdPrivately(() => server.listen(socketFile()));
      assert.equal(statSync(socketFile()).mode & 0o177, 0);
      assert.equal(process.umask(0), 0);
    } finally {
      process.umask(umask);
    }
  });

  it('is an error where somebody answers, and where a file that is not a socket stands', async () => {
    await start();
    await assert.rejects(start(), (error: TransportError) => error.code === 'ADDRESS_IN_USE');
    assert.ok(lstatSync(socketFile()).isSocket(), 'the live socket was removed');
    const file = join(folder(), 'y');
    writeFileSync(file, 'kept');
    await assert.rejects(
      listen(createServer(), `unix:${file}`),
      (error: TransportError) => error.code === 'ADDRESS_IN_USE',
    );
    assert.ok(existsSync(file));
  });

  it('is an error where nobody can tell whether somebody answers', async function () {
    if (process.getuid?.() === 0) skipBecause(this, 'root may connect to any socket');
    await start();
    chmodSync(socketFile(), 0);
    await assert.rejects(start(), (error: TransportError) => {
      assert.equal(error.code, 'ADDRESS_IN_USE');
      assert.match(error.message, /another user/);
      return true;
    });
  });

  it('is an error where its path is longer than the system allows, and nothing is bound at a shorter one', async () => {
    const path = join(folder(), 'x'.repeat(110));
    await assert.rejects(listen(createServer(), `unix:${path}`), (error: TransportError) => {
      assert.equal(error.code, 'INVALID_LISTEN_ADDRESS');
      assert.match(error.message, /bytes, and the system allows 10\d/);
      return true;
    });
    assert.deepEqual(readdirSync(folder()), []);
  });

  it('says that its folder is missing', async () => {
    await assert.rejects(
      listen(createServer(), `unix:${join(folder(), 'none', 'x.sock')}`),
      (error: TransportError) => {
        assert.equal(error.code, 'LISTEN_FAILED');
        assert.match(error.hint ?? '', /folder of the socket exists/);
        return true;
      },
    );
  });
});
