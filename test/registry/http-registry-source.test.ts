import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createHttpRegistrySource } from '../../src/registry/http/http-registry-source.ts';
import { readGolden } from '../support/golden.ts';
import { goldenSnapshot } from '../support/registries.ts';
import { hasRegistryCode, testRegistrySource } from '../support/registry-source-suite.ts';

const content = {
  first: readGolden('registry', 'kitchen_sink', 'registry.db'),
  changed: readGolden('registry', 'two_projects', 'registry.db'),
  damaged: Buffer.from('<html>not a registry</html>'),
};

describe('an HTTP registry source', () => {
  let server: Server;
  let port: number;
  let held: { body: Buffer; headers: Record<string, string> } | undefined;
  let requests: IncomingMessage[];
  let answer: ((request: IncomingMessage) => number | undefined) | undefined;

  before(async () => {
    server = createServer((request, response) => {
      requests.push(request);
      const status = answer?.(request) ?? (held === undefined ? 404 : 200);
      if (status === 302) response.setHeader('location', '/moved');
      if (held === undefined || status !== 200) return response.writeHead(status).end();
      const { etag, 'last-modified': modified } = held.headers;
      const { 'if-none-match': match, 'if-modified-since': since } = request.headers;
      const same = etag === undefined ? since !== undefined && since === modified : match === etag;
      return response.writeHead(same ? 304 : 200, held.headers).end(same ? undefined : held.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    port = address.port;
  });
  beforeEach(() => {
    requests = [];
    answer = undefined;
    held = { body: Buffer.from(content.first), headers: { etag: '"first"' } };
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const source = (at: number, maxBytes = 2 ** 20) =>
    createHttpRegistrySource({ url: `http://127.0.0.1:${at}/features/registry.db`, maxBytes });

  testRegistrySource({
    project: 'kitchen_sink',
    expected: () => ({
      first: goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink', 'registry.db'),
      changed: goldenSnapshot('kitchen_sink', 'registry', 'two_projects', 'registry.db'),
    }),
    server: () => ({
      port,
      source,
      publish: async (what) => {
        held = { body: Buffer.from(content[what]), headers: { etag: `"${what}"` } };
      },
      remove: async () => {
        held = undefined;
      },
    }),
  });

  it('asks by Last-Modified where there is no ETag, once that time lies back', async () => {
    const long = new Date(Date.now() - 60_000).toUTCString();
    held = { body: Buffer.from(content.first), headers: { 'last-modified': long } };
    const loaded = await source(port).load();
    assert.ok(loaded !== 'unchanged' && loaded.token !== undefined);
    assert.equal(await source(port).load({ previous: loaded.token }), 'unchanged');
    held.headers['last-modified'] = new Date().toUTCString();
    const fresh = await source(port).load({ previous: loaded.token });
    assert.ok(fresh !== 'unchanged');
    assert.equal(fresh.token, undefined);
  });

  it('sends the user of the URL as Basic credentials and shows neither', async () => {
    const url = `http://reader:s%40crawl@127.0.0.1:${port}/registry.db?sig=hidden`;
    const withUser = createHttpRegistrySource({ url, maxBytes: 2 ** 20 });
    await withUser.load();
    const expected = `Basic ${Buffer.from('reader:s@crawl').toString('base64')}`;
    assert.equal(requests[0]?.headers.authorization, expected);
    assert.equal(withUser.describe(), `registry http://127.0.0.1:${port}/registry.db`);
    answer = () => 500;
    await assert.rejects(withUser.load(), (error) => {
      assert.ok(error instanceof Error);
      assert.ok(!/crawl|hidden|reader/.test(JSON.stringify(error) + error.message + String(error.cause)));
      return hasRegistryCode('REGISTRY_UNREADABLE', /answered with 500/)(error);
    });
  });

  it('says what to grant when it is refused, and follows a redirect', async () => {
    for (const status of [401, 403]) {
      answer = () => status;
      await assert.rejects(source(port).load(), hasRegistryCode('REGISTRY_ACCESS_DENIED', /Allow the sidecar to GET/));
    }
    answer = (request) => (request.url === '/moved' ? 200 : 302);
    assert.ok((await source(port).load()) !== 'unchanged');
  });

  it('refuses more than the limit, and a body that ends early', async () => {
    await assert.rejects(source(port, 1_000).load(), hasRegistryCode('REGISTRY_TOO_LARGE', /1000 bytes.*max_bytes/));
    held = { body: Buffer.from(content.first), headers: { 'content-length': `${content.first.length + 1}` } };
    const cut = (request: IncomingMessage): undefined => {
      setTimeout(() => request.socket.destroy(), 50);
    };
    answer = cut;
    await assert.rejects(source(port).load(), hasRegistryCode('REGISTRY_UNREADABLE'));
  });

  it('refuses a URL that is none', () => {
    assert.throws(
      () => createHttpRegistrySource({ url: 'http://user:pass word@:x', maxBytes: 1 }),
      hasRegistryCode('REGISTRY_SETTINGS_INVALID'),
    );
  });
});
