import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  Client,
  credentials,
  type Metadata,
  Server,
  ServerCredentials,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { RefreshRequestSchema } from '../../gen/feast/registry/RegistryServer_pb.ts';
import { openRegistry } from '../../src/registry/registry-holder.ts';
import type { RegistrySource } from '../../src/registry/registry-source.ts';
import { createRemoteRegistrySource } from '../../src/registry/remote/remote-registry-source.ts';
import {
  type FeastRegistryFiles,
  feastProject,
  feastSnapshot,
  type RegistryStep,
  writeFeastRegistries,
} from '../support/feast-registries.ts';
import { run } from '../support/feast-session.ts';
import { viewsOfDocumentedFile } from '../support/inspected-registry.ts';
import { type LoopbackServer, requireScript, startLoopbackServer } from '../support/loopback-server.ts';
import { projectRoot } from '../support/project-root.ts';
import { hasRegistryCode, testRegistrySource } from '../support/registry-source-suite.ts';

/** Has the server read its registry again: it keeps it for its own cache time. */
async function refresh(port: number): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const request = toBinary(RefreshRequestSchema, create(RefreshRequestSchema, { project: feastProject }));
  await new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest(
      '/feast.registry.RegistryServer/Refresh',
      (bytes: Uint8Array) => Buffer.from(bytes),
      () => undefined,
      request,
      (error) => (error === null ? resolve() : reject(error)),
    );
  });
  client.close();
}

describe('a remote registry source, against `feast serve_registry`', function () {
  this.timeout(300_000);
  let folder: string;
  let files: FeastRegistryFiles;
  let server: LoopbackServer | undefined;
  const file = () => join(folder, 'registry.db');
  const publish = async (what: RegistryStep | 'damaged') => {
    if (what !== 'damaged') writeFileSync(file(), files.bytes[what]);
    if (server !== undefined) await refresh(server.port);
  };
  const source = (port = server?.port ?? 0, options: { maxBytes?: number } = {}) =>
    createRemoteRegistrySource({
      address: `127.0.0.1:${port}`,
      project: feastProject,
      maxBytes: 2 ** 20,
      ...options,
    });

  async function serveRegistry(args: readonly string[], isUp: (port: number) => Promise<boolean>) {
    return startLoopbackServer({
      program: join(projectRoot, '.venv', 'feast', 'bin', 'feast'),
      args: (port) => ['-c', folder, 'serve_registry', '-p', `${port}`, ...args],
      env: { PYTHONPATH: join(projectRoot, '.venv', 'feast-grpc'), FEAST_USAGE: 'False' },
      isUp,
      startLimitMs: 120_000,
    });
  }

  before(async function () {
    await requireScript(this, 'setup-feast-grpc.sh', 'Feast, which needs Python 3.10');
    folder = mkdtempSync(join(tmpdir(), 'sideboard-remote-'));
    files = await writeFeastRegistries([]);
    await publish('first');
    const config = [
      `project: ${feastProject}`,
      'provider: local',
      'registry: registry.db',
      'entity_key_serialization_version: 3',
    ];
    writeFileSync(join(folder, 'feature_store.yaml'), `${config.join('\n')}\n`);
    server = await serveRegistry([], (port) => loads(source(port)));
  });

  after(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  testRegistrySource({
    project: feastProject,
    // The server does not tell the earlier versions of views.
    expected: () => ({
      first: feastSnapshot(files.bytes.first, { history: false }),
      changed: feastSnapshot(files.bytes.changed, { history: false }),
    }),
    shielded: true,
    server: () => ({ port: server?.port ?? 0, source, publish, remove: async () => rmSync(file()) }),
  });

  it('starts a project whose file is written as in the documentation of Feast', async () => {
    await publish('first');
    const lines = ['registry:', '  registry_type: remote', `  path: localhost:${server?.port}`];
    assert.deepEqual(await viewsOfDocumentedFile(feastProject, lines), ['driver_stats', 'ride_stats']);
  });

  it('names the projects that are there when it is another', async () => {
    const other = createRemoteRegistrySource({
      address: `127.0.0.1:${server?.port}`,
      project: 'other',
      maxBytes: 2 ** 20,
    });
    const opening = openRegistry({ source: other, project: 'other', cacheTtlSeconds: 0 });
    await assert.rejects(opening, hasRegistryCode('REGISTRY_PROJECT_MISSING', /only "interop"/));
  });

  it('refuses more than the limit', async () => {
    const small = source(server?.port, { maxBytes: 1_000 });
    await assert.rejects(small.load(), hasRegistryCode('REGISTRY_TOO_LARGE'));
    await small.close();
  });

  it('says that a server which is none is none', async () => {
    const grpc = new Server();
    const port = await new Promise<number>((resolve, reject) => {
      grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const wrong = source(port);
    await assert.rejects(wrong.load(), hasRegistryCode('REGISTRY_UNREADABLE', /not a registry server.*6570/));
    await wrong.close();
    grpc.forceShutdown();
  });

  describe('over TLS', () => {
    let tlsServer: LoopbackServer;
    const pem = (name: string) => join(folder, name);

    before(async () => {
      const { status, output } = await run('openssl', [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=registry.example'],
        ...['-addext', 'subjectAltName=DNS:registry.example', '-keyout', pem('key.pem'), '-out', pem('cert.pem')],
      ]);
      assert.equal(status, 0, output);
      tlsServer = await serveRegistry(['-k', pem('key.pem'), '-c', pem('cert.pem')], (port) => loads(secure(port)));
    });
    after(() => tlsServer?.stop());

    const secure = (port: number, tls: object = { ca: 'cert.pem', authority: 'registry.example' }) =>
      createRemoteRegistrySource({
        address: `127.0.0.1:${port}`,
        project: feastProject,
        maxBytes: 2 ** 20,
        tls: { repoPath: folder, ...tls },
      });

    it('reads from a server whose certificate is trusted and named, and from no other', async () => {
      assert.ok(await loads(secure(tlsServer.port)));
      for (const tls of [{ ca: 'cert.pem', authority: 'other.example' }, { authority: 'registry.example' }]) {
        const untrusting = secure(tlsServer.port, tls);
        await assert.rejects(untrusting.load(), hasRegistryCode('REGISTRY_UNREADABLE', /UNAVAILABLE/));
        await untrusting.close();
      }
    });

    it('names the settings when a certificate cannot be read', async () => {
      for (const tls of [{ ca: 'missing.pem' }, { ca: 'cert.pem', cert: 'cert.pem', key: 'registry.db' }]) {
        await assert.rejects(secure(1, tls).load(), hasRegistryCode('REGISTRY_SETTINGS_INVALID', /client_key/));
      }
    });
  });

  describe('with tokens', () => {
    it('sends what is found with each reading, and says what to grant when it is refused', async () => {
      const tokens: string[] = [];
      const grpc = new Server();
      const refuse = (call: { metadata: Metadata }, reply: sendUnaryData<Buffer>): void => {
        tokens.push(...call.metadata.get('authorization').map(String));
        reply({ code: status.PERMISSION_DENIED, details: 'no' });
      };
      const path = '/feast.registry.RegistryServer/ListProjects';
      const codec = { requestSerialize: Buffer.from, requestDeserialize: Buffer.from };
      const method = { path, requestStream: false, responseStream: false, ...codec } as const;
      const replies = { responseSerialize: Buffer.from, responseDeserialize: Buffer.from };
      grpc.addService({ ListProjects: { ...method, ...replies } }, { ListProjects: refuse });
      const port = await new Promise<number>((resolve, reject) => {
        grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
          error === null ? resolve(bound) : reject(error),
        );
      });
      let count = 0;
      const address = `127.0.0.1:${port}`;
      const token = async () => `secret-${++count}`;
      const asking = createRemoteRegistrySource({ address, project: feastProject, maxBytes: 2 ** 20, token });
      for (let round = 0; round < 2; round++) {
        await assert.rejects(asking.load(), (error) => {
          assert.ok(!String(error).includes('secret'));
          return hasRegistryCode('REGISTRY_ACCESS_DENIED', /DESCRIBE on project interop/)(error);
        });
      }
      assert.deepEqual(tokens, ['Bearer secret-1', 'Bearer secret-2']);
      await asking.close();
      grpc.forceShutdown();
    });
  });
});

async function loads(source: RegistrySource): Promise<boolean> {
  try {
    return (await source.load()) !== 'unchanged';
  } finally {
    await source.close();
  }
}
