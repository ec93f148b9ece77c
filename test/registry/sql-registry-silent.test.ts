import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { loadWithin } from '../../src/registry/load-within.ts';
import { createSqlRegistrySourceFromUrl } from '../../src/registry/sql/sql-registry-from-url.ts';
import { openSqliteFile } from '../support/sqlite-registry.ts';

describe('a SQL registry whose server takes connections and says nothing', () => {
  let server: Server;
  let port: number;

  before(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    port = address.port;
  });

  after(() => server.close());

  for (const scheme of ['mysql+pymysql', 'postgresql+psycopg']) {
    it(`is given up with its caller, and the connection with it: ${scheme}`, async () => {
      const source = createSqlRegistrySourceFromUrl({
        url: `${scheme}://user:secret@127.0.0.1:${port}/registry`,
        setting: 'registry.path',
        repoPath: '/',
        project: 'p',
        maxBytes: 2 ** 20,
        openSqliteFile,
      });
      const connected = once(server, 'connection') as Promise<[Socket]>;
      const caller = new AbortController();
      const loading = loadWithin(source, { timeoutMs: 60_000, signal: caller.signal });
      const [socket] = await connected;
      const ended = once(socket.resume(), 'close');
      caller.abort(new Error('given up'));
      await assert.rejects(loading, /given up/);
      const started = performance.now();
      await ended;
      // The drivers themselves would wait for ten seconds.
      assert.ok(performance.now() - started < 5_000);
      await source.close();
    });
  }
});
