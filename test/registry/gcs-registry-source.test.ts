import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createGcsRegistrySource } from '../../src/registry/gcs/gcs-registry-source.ts';
import { useEnvironment } from '../support/environment.ts';
import { readGolden } from '../support/golden.ts';
import { viewsOfDocumentedFile } from '../support/inspected-registry.ts';
import { type LoopbackServer, requireScript, startLoopbackServer } from '../support/loopback-server.ts';
import { projectRoot } from '../support/project-root.ts';
import { goldenSnapshot } from '../support/registries.ts';
import { hasRegistryCode, testRegistrySource } from '../support/registry-source-suite.ts';

const bucket = 'features';
const name = 'prod/a name/registry.db';
const content = {
  first: readGolden('registry', 'kitchen_sink', 'registry.db'),
  changed: readGolden('registry', 'two_projects', 'registry.db'),
  damaged: Buffer.from('not a registry'),
};

describe('a Google Cloud Storage registry source', function () {
  this.timeout(300_000);
  let server: LoopbackServer;

  before(async function () {
    await requireScript(this, 'setup-fake-gcs.sh', 'fake-gcs-server, which needs Go 1.23');
    server = await startLoopbackServer({
      program: join(projectRoot, '.tools', 'bin', 'fake-gcs-server'),
      args: (port) => ['-scheme', 'http', '-host', '127.0.0.1', '-port', `${port}`, '-backend', 'memory'],
      isUp: async (port) => (await fetch(`http://127.0.0.1:${port}/_internal/healthcheck`)).ok,
    });
    const made = await fetch(`http://127.0.0.1:${server.port}/storage/v1/b?project=p`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: bucket }),
    });
    assert.ok(made.ok, await made.text());
  });

  after(() => server?.stop());

  async function put(body: Uint8Array): Promise<void> {
    const query = `uploadType=media&name=${encodeURIComponent(name)}`;
    const url = `http://127.0.0.1:${server.port}/upload/storage/v1/b/${bucket}/o?${query}`;
    const answer = await fetch(url, { method: 'POST', body: Buffer.from(body) });
    assert.ok(answer.ok, await answer.text());
  }

  async function remove(): Promise<void> {
    const url = `http://127.0.0.1:${server.port}/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}`;
    const answer = await fetch(url, { method: 'DELETE' });
    assert.ok(answer.ok, await answer.text());
  }

  const source = (port = server.port, url = `gs://${bucket}/${name}`, maxBytes = 2 ** 20) =>
    createGcsRegistrySource({ url, emulatorHost: `127.0.0.1:${port}`, maxBytes });

  testRegistrySource({
    project: 'kitchen_sink',
    expected: () => ({
      first: goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink', 'registry.db'),
      changed: goldenSnapshot('kitchen_sink', 'registry', 'two_projects', 'registry.db'),
    }),
    server: () => ({ port: server.port, source, publish: (what) => put(content[what]), remove }),
  });

  it('tells a missing bucket and a missing object', async () => {
    for (const url of ['gs://no-such-bucket/registry.db', `gs://${bucket}/nothing`]) {
      await assert.rejects(source(server.port, url).load(), hasRegistryCode('REGISTRY_NOT_FOUND', /no registry gs:/));
    }
  });

  it('refuses more than the limit before it is sent', async () => {
    await put(content.first);
    const small = source(server.port, `gs://${bucket}/${name}`, 1_000);
    await assert.rejects(small.load(), hasRegistryCode('REGISTRY_TOO_LARGE'));
  });

  it('starts a project whose file is written as in the documentation of Feast', async () => {
    await put(content.first);
    const lines = ['registry:', `  path: "gs://${bucket}/${name}"`, '  cache_ttl_seconds: 60'];
    const env = { STORAGE_EMULATOR_HOST: `http://127.0.0.1:${server.port}` };
    assert.equal((await viewsOfDocumentedFile('kitchen_sink', lines, env)).length, 16);
  });

  it('takes an emulator with or without http:// in front', async () => {
    await put(content.first);
    for (const emulatorHost of [`127.0.0.1:${server.port}`, `http://127.0.0.1:${server.port}/`]) {
      const url = `gs://${bucket}/${name}`;
      assert.ok((await createGcsRegistrySource({ url, emulatorHost, maxBytes: 2 ** 20 }).load()) !== 'unchanged');
    }
  });

  describe('without an emulator and without credentials', () => {
    useEnvironment({
      GOOGLE_APPLICATION_CREDENTIALS: undefined,
      GOOGLE_CLOUD_PROJECT: undefined,
      HOME: '/nonexistent',
      METADATA_SERVER_DETECTION: 'none',
      NO_GCE_CHECK: 'true',
    });

    it('says how to give some, and what they need', async () => {
      const real = createGcsRegistrySource({ url: `gs://${bucket}/${name}`, maxBytes: 1 });
      const expected = /workload identity.*storage\.objects\.get.*roles\/storage\.objectViewer on bucket features/;
      await assert.rejects(real.load(), hasRegistryCode('REGISTRY_ACCESS_DENIED', expected));
    });

    it('does so too where the credentials that are named cannot be used', async () => {
      process.env.GOOGLE_APPLICATION_CREDENTIALS = '/nonexistent/key.json';
      try {
        const real = createGcsRegistrySource({ url: `gs://${bucket}/${name}`, maxBytes: 1 });
        await assert.rejects(real.load(), hasRegistryCode('REGISTRY_ACCESS_DENIED'));
      } finally {
        delete process.env.GOOGLE_APPLICATION_CREDENTIALS;
      }
    });
  });
});
