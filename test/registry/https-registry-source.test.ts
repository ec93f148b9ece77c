import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createHttpRegistrySource } from '../../src/registry/http/http-registry-source.ts';
import { RegistryError } from '../../src/registry/registry-error.ts';
import { readGolden } from '../support/golden.ts';
import { projectRoot } from '../support/project-root.ts';
import { runProgram } from '../support/server-process.ts';
import { useTempFolder } from '../support/temp-folder.ts';

describe('a registry behind https://', () => {
  const folder = useTempFolder();
  const registry = Buffer.from(readGolden('registry', 'minimal', 'registry.db'));
  let server: Server;
  let url: string;

  beforeEach(async () => {
    const pem = (name: string): string => join(folder(), name);
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
    const files = ['-keyout', pem('key.pem'), '-out', pem('cert.pem')];
    runProgram('openssl', [...request, '-addext', 'subjectAltName=IP:127.0.0.1', ...files], undefined);
    server = createServer({ key: readFileSync(pem('key.pem')), cert: readFileSync(pem('cert.pem')) });
    server.on('request', (_, response) => response.end(registry));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    url = `https://127.0.0.1:${address.port}/registry.db`;
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('is refused where its certificate is not trusted, with the variable that adds an authority', async () => {
    await assert.rejects(createHttpRegistrySource({ url, maxBytes: 2 ** 20 }).load(), (error) => {
      assert.ok(error instanceof RegistryError && error.code === 'REGISTRY_UNREADABLE');
      assert.match(error.message, /cannot be reached or read to its end \(\w*CERT\w*\)/);
      assert.match(error.hint ?? '', /NODE_EXTRA_CA_CERTS/);
      return true;
    });
  });

  it('is read where that variable names the authority', async () => {
    const script = `
      import { createHttpRegistrySource } from './src/registry/http/http-registry-source.ts';
      const loaded = await createHttpRegistrySource({ url: process.argv[1], maxBytes: 2 ** 20 }).load();
      console.log(loaded.bytes.length);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script, url], {
      cwd: projectRoot,
      env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder(), 'cert.pem') },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.equal(await text(child.stdout), `${registry.length}\n`);
  });
});
