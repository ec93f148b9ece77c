import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { GrpcServer, GrpcServerOptions } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers, startGrpcServer } from '../../../src/transports/grpc/start-grpc-server.ts';
import { TlsContext, type TlsEvents, type TlsOptions } from '../../../src/transports/tls/tls-context.ts';
import { TransportError } from '../../../src/transports/transport-error.ts';
import { createEchoService } from '../../support/echo-service.ts';
import { http2Call, openSession, statusOf } from '../../support/http2-call.ts';
import { eventually } from '../../support/http2-server-under-test.ts';
import { grpcMessage } from '../../support/http2-wire.ts';
import { useTempFolder } from '../../support/temp-folder.ts';
import { TestAuthority } from '../../support/tls-certificates.ts';

const LOCAL = { names: 'IP:127.0.0.1' };
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const MODEL = 'spiffe://cluster.test/ns/ml/sa/model';

for (const kind of Object.keys(grpcServers) as (keyof typeof grpcServers)[]) {
  describe(`the ${kind} server with certificates`, function () {
    this.timeout(20_000);
    const folder = useTempFolder();
    let authority: TestAuthority;
    let tls: TlsContext | undefined;
    let server: GrpcServer | undefined;
    const refusals: string[] = [];

    beforeEach(() => {
      authority = new TestAuthority(folder());
      refusals.length = 0;
    });
    afterEach(async () => {
      tls?.close();
      await server?.close(0);
      tls = undefined;
      server = undefined;
    });

    async function start(
      changes: Partial<TlsOptions> = {},
      events: TlsEvents = {},
      options: Partial<GrpcServerOptions> = {},
    ): Promise<GrpcServer> {
      const { cert, key } = authority.issue(LOCAL);
      const files = { certFile: cert, keyFile: key, clientCaFile: undefined, clientNames: [] };
      tls = await TlsContext.open(
        { ...files, minVersion: 'TLSv1.2', ...changes },
        { onRefused: ({ code }) => refusals.push(code), lookMs: 3_600_000, ...events },
      );
      const echo = createEchoService();
      server = await startGrpcServer(kind, echo.methods, echo.options({ certificates: tls, ...options }));
      return server;
    }

    function session(options: ConnectionOptions = {}): ClientHttp2Session {
      const opened = connectHttp2(`https://${server?.address}`, { ca: authority.certificate, ...options });
      opened.on('error', () => {});
      return opened;
    }

    /** Calls on a connection of its own. @returns the gRPC status, or nothing where none came */
    async function call(options: ConnectionOptions = {}): Promise<number | undefined> {
      const opened = session(options);
      try {
        const failed = closed(opened);
        const answered = http2Call(opened, '/test.Echo/Later', { frames: [grpcMessage(Buffer.from('x'))] }).then(
          statusOf,
          () => undefined,
        );
        return await Promise.race([answered, failed]);
      } finally {
        opened.destroy();
      }
    }

    const clientFiles = (names: string, from = authority, expired = false) => {
      const { cert, key } = from.issue({ names, expired });
      return { cert: readPem(cert), key: readPem(key) };
    };

    it('answers calls over TLS 1.2 and 1.3', async () => {
      await start();
      assert.equal(await call({ maxVersion: 'TLSv1.2' }), 0);
      assert.equal(await call({ minVersion: 'TLSv1.3' }), 0);
      assert.deepEqual(refusals, []);
    });

    it('refuses what is not TLS, TLS 1.1, and clients that do not ask for HTTP/2, and goes on', async () => {
      const { address } = await start();
      const plain = openSession(address);
      await closed(plain);
      // Security level 0: OpenSSL itself offers TLS 1.1 at no other.
      const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
      assert.equal(await call(old), undefined);
      await closedSocket({ ALPNProtocols: ['http/1.1'] });
      await closedSocket({});
      await eventually(
        () => refusals.length === 4,
        () => refusals.join(),
      );
      assert.deepEqual([...new Set(refusals)], ['TLS_CLIENT_REFUSED']);
      assert.equal(await call(), 0);
    });

    /** Connects with TLS and waits until the server has hung up. */
    async function closedSocket(options: ConnectionOptions): Promise<void> {
      const [host, port] = server?.address.split(':') ?? [];
      const socket = connectTls({ host: host ?? '', port: Number(port), ca: authority.certificate, ...options });
      socket.on('error', () => {});
      socket.resume();
      await closed(socket);
    }

    it('holds the minimum version that is asked for', async () => {
      await start({ minVersion: 'TLSv1.3' });
      assert.equal(await call({ maxVersion: 'TLSv1.2' }), undefined);
      assert.equal(await call(), 0);
    });

    it('lets in only clients whose certificates its authorities have issued and that have not expired', async () => {
      await start({ clientCaFile: authority.file });
      assert.equal(await call(clientFiles('DNS:anybody')), 0);
      assert.equal(await call(), undefined);
      assert.equal(await call(clientFiles('DNS:anybody', new TestAuthority(folder(), 'other'))), undefined);
      assert.equal(await call(clientFiles('DNS:anybody', authority, true)), undefined);
      await eventually(
        () => refusals.length === 3,
        () => refusals.join(),
      );
    });

    it('lets in only clients with one of the names, however alike the others look', async () => {
      await start({ clientCaFile: authority.file, clientNames: [MODEL, 'model.ml.svc'] });
      assert.equal(await call(clientFiles(`DNS:x,URI:${MODEL}`)), 0);
      assert.equal(await call(clientFiles('DNS:MODEL.ml.svc')), 0);
      for (const names of [`URI:${MODEL}2`, `DNS:${MODEL}`, 'DNS:*.ml.svc', 'DNS:evil.model.ml.svc', 'email:a@b.c']) {
        assert.equal(await call(clientFiles(names)), undefined, names);
      }
    });

    it('resumes no session, which would not show its certificate again', async () => {
      await start();
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const { session } = await handshake({ maxVersion: version });
        const { reused } = await handshake({ maxVersion: version, ...(session === undefined ? {} : { session }) });
        assert.equal(reused, false, version);
      }
      assert.equal(await call(), 0);
    });

    /** A connection that lasts until the server has sent its first frame. @returns what the server offers to resume it */
    async function handshake(options: ConnectionOptions): Promise<{ session: Buffer | undefined; reused: boolean }> {
      const [host, port] = server?.address.split(':') ?? [];
      const ca = authority.certificate;
      const socket = connectTls({ host, port: Number(port), ca, ALPNProtocols: ['h2'], ...options });
      try {
        let offered: Buffer | undefined;
        socket.on('session', (session: Buffer) => {
          offered = session;
        });
        await once(socket, 'secureConnect');
        socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), EMPTY_SETTINGS]));
        await once(socket, 'data');
        return { session: offered ?? socket.getSession(), reused: socket.isSessionReused() };
      } finally {
        socket.destroy();
      }
    }

    it('serves connections that are handed to it', async () => {
      let serve: ((socket: Socket) => void) | undefined;
      const listener = createServer({ pauseOnConnect: true }, (socket) => serve?.(socket));
      listener.listen(0, '127.0.0.1');
      await once(listener, 'listening');
      const { port } = listener.address() as { port: number };
      const take = (callback: (socket: Socket) => void): void => {
        serve = callback;
      };
      await start({}, {}, { address: { address: `127.0.0.1:${port}`, take } });
      assert.equal(await call(), 0);
      listener.close();
    });

    it('finishes calls when it stops, and waits for no handshake', async () => {
      const { address } = await start();
      const [host, port] = address.split(':');
      const silent = connectTcp(Number(port), host);
      silent.on('error', () => {});
      await once(silent, 'connect');
      const opened = session();
      const pending = http2Call(opened, '/test.Echo/Wait', { frames: [grpcMessage(Buffer.from('200'))] });
      await eventually(
        () => server?.openCalls() === 1,
        () => 'no call came',
      );
      const began = Date.now();
      tls?.close();
      await server?.close(5_000);
      assert.equal(statusOf(await pending), 0);
      assert.ok(Date.now() - began < 4_000, 'waited for the handshake');
    });

    it('takes a certificate that is put in place of its own, without a failed call', async () => {
      const first = secretFolder(folder(), 'a', authority);
      const events: string[] = [];
      await start(
        { certFile: join(first, 'tls.crt'), keyFile: join(first, 'tls.key') },
        { onReload: () => events.push('reloaded'), onReloadFailed: (error) => events.push(codeOf(error)) },
      );
      const kept = session();
      let running = true;
      const statuses: (number | undefined)[] = [];
      const load = Array.from({ length: 4 }, async (_, client) => {
        while (running) {
          if (client > 0) statuses.push(await call());
          else
            statuses.push(
              statusOf(await http2Call(kept, '/test.Echo/Echo', { frames: [grpcMessage(Buffer.from('x'))] })),
            );
        }
      });
      const before = await serialOf(server);
      swapSecret(folder(), 'b', authority);
      await tls?.look();
      const after = await serialOf(server);
      assert.notEqual(after, before);

      // A key that does not fit: said once, and what worked goes on.
      copyFileSync(authority.issue(LOCAL).key, join(folder(), 'b', 'tls.key'));
      await tls?.look();
      await tls?.look();
      assert.deepEqual(events, ['reloaded', 'TLS_MATERIAL_INVALID']);
      assert.equal(await serialOf(server), after);

      swapSecret(folder(), 'c', authority);
      await tls?.look();
      assert.deepEqual(events, ['reloaded', 'TLS_MATERIAL_INVALID', 'reloaded']);
      await eventually(
        () => statuses.length > 30,
        () => `${statuses.length} calls`,
      );
      running = false;
      await Promise.all(load);
      kept.destroy();
      assert.deepEqual([...new Set(statuses)], [0]);
    });

    it('lets in whom changed authorities vouch for, and no longer those before', async () => {
      const authorities = join(folder(), 'clients.pem');
      const [one, two] = [new TestAuthority(folder(), 'one'), new TestAuthority(folder(), 'two')];
      copyFileSync(one.file, authorities);
      await start({ clientCaFile: authorities });
      const [old, young] = [clientFiles('DNS:a', one), clientFiles('DNS:a', two)];
      assert.deepEqual([await call(old), await call(young)], [0, undefined]);
      copyFileSync(two.file, authorities);
      await tls?.look();
      assert.deepEqual([await call(old), await call(young)], [undefined, 0]);
    });

    async function serialOf(of: GrpcServer | undefined): Promise<string> {
      const [host, port] = of?.address.split(':') ?? [];
      const options = { host: host ?? '', port: Number(port), ca: authority.certificate, ALPNProtocols: ['h2'] };
      const socket = connectTls(options);
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    }
  });
}

describe('a certificate that ends while it is served', () => {
  const folder = useTempFolder();

  it('is told of once, when the clock says so', async () => {
    const authority = new TestAuthority(folder());
    const { cert, key } = authority.issue(LOCAL);
    const files = {
      certFile: cert,
      keyFile: key,
      clientCaFile: undefined,
      clientNames: [],
      minVersion: 'TLSv1.2',
    } as const;
    const known = await TlsContext.open(files, { lookMs: 3_600_000 });
    known.close();
    const end = known.validTo.getTime();
    let now = end - 50;
    const ended: Date[] = [];
    const tls = await TlsContext.open(files, {
      lookMs: 3_600_000,
      now: () => now,
      onExpired: (validTo) => ended.push(validTo),
    });
    const closed = await TlsContext.open(files, { now: () => now, onExpired: () => assert.fail('it was closed') });
    closed.close();
    // The timer may come before the clock says so.
    await new Promise((resolve) => setTimeout(resolve, 70));
    assert.deepEqual(ended, []);
    now = end;
    await eventually(
      () => ended.length > 0,
      () => 'nobody was told',
    );
    await tls.look();
    assert.deepEqual(ended, [new Date(end)]);
    tls.close();
  });
});

describe('certificates that cannot be served', function () {
  this.timeout(20_000);
  const folder = useTempFolder();
  const open = (certFile: string, keyFile: string, clientCaFile?: string) =>
    TlsContext.open({ certFile, keyFile, clientCaFile, clientNames: [], minVersion: 'TLSv1.2' });

  it('are refused with a code and the name of the setting, without a word of their content', async () => {
    const authority = new TestAuthority(folder());
    const [one, two] = [authority.issue(LOCAL), authority.issue(LOCAL)];
    const noise = join(folder(), 'noise.pem');
    writeFileSync(noise, 'secret-noise');
    const bundle = (name: string, ...parts: readonly (string | Buffer)[]): string => {
      const file = join(folder(), name);
      writeFileSync(file, Buffer.concat(parts.map((part) => Buffer.from(part))));
      return file;
    };
    const ca = authority.certificate;
    const cutOff = bundle('cut-off.pem', ca, ca.subarray(0, ca.length / 2));
    const damaged = bundle('damaged.pem', ca, ca.toString().replace(/MII/, 'secret-noise'), ca);
    const binary = bundle('ca.der', new X509Certificate(ca).raw);
    const twice = await open(one.cert, one.key, bundle('twice.pem', '# two of them\n', ca, '\r\n', ca));
    twice.close();
    const cases = [
      [() => open(one.cert, one.key, cutOff), 'TLS_MATERIAL_INVALID', /certificate 2 of 2 in client_ca_file/],
      [() => open(one.cert, one.key, damaged), 'TLS_MATERIAL_INVALID', /certificate 2 of 3 in client_ca_file/],
      [() => open(one.cert, one.key, binary), 'TLS_MATERIAL_INVALID', /client_ca_file holds no certificate in PEM/],
      [() => open(join(folder(), 'none.pem'), one.key), 'TLS_FILE_UNREADABLE', /none\.pem/],
      [() => open(one.cert, two.key), 'TLS_MATERIAL_INVALID', /key_file does not belong to cert_file/],
      [() => open(noise, one.key), 'TLS_MATERIAL_INVALID', /cert_file/],
      [() => open(one.cert, noise), 'TLS_MATERIAL_INVALID', /key_file/],
      [() => open(one.cert, one.key, noise), 'TLS_MATERIAL_INVALID', /client_ca_file/],
    ] as const;
    for (const [attempt, code, message] of cases) {
      await assert.rejects(attempt, (error) => {
        assert.ok(error instanceof TransportError);
        assert.equal(error.code, code);
        assert.match(error.message, message);
        assert.doesNotMatch(error.describe(), /secret-noise/);
        return true;
      });
    }
  });
});

/** Waits for the end, whether or not an error comes before it. */
function closed(each: NodeJS.EventEmitter): Promise<undefined> {
  return new Promise((resolve) => each.once('close', () => resolve(undefined)));
}

function readPem(file: string): string {
  return readFileSync(file, 'utf8');
}

function codeOf(error: unknown): string {
  return error instanceof TransportError ? error.code : String(error);
}

/** A secret as the kubelet mounts it: files are links into `..data`, itself a link to the folder of the day. */
function secretFolder(folder: string, name: string, authority: TestAuthority): string {
  const secret = join(folder, 'secret');
  mkdirSync(secret);
  swapSecret(folder, name, authority);
  for (const file of ['tls.crt', 'tls.key']) symlinkSync(join('..data', file), join(secret, file));
  return secret;
}

function swapSecret(folder: string, name: string, authority: TestAuthority): void {
  const { cert, key } = authority.issue(LOCAL);
  mkdirSync(join(folder, name));
  copyFileSync(cert, join(folder, name, 'tls.crt'));
  copyFileSync(key, join(folder, name, 'tls.key'));
  symlinkSync(join('..', name), join(folder, 'secret', '..data_tmp'));
  renameSync(join(folder, 'secret', '..data_tmp'), join(folder, 'secret', '..data'));
}
