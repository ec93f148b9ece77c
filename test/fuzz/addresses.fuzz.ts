import assert from 'node:assert/strict';
import { bucketObjectFromUrl } from '../../src/registry/bucket-url.ts';
import { parseSqlAlchemyUrl, shownUrl } from '../../src/registry/sql/sqlalchemy-url.ts';
import { parseConnectionString } from '../../src/stores/redis/redis-connection-string.ts';
import { parseListenAddress } from '../../src/transports/grpc/grpc-address.ts';
import { type FuzzTarget, valueOrRefusal } from './fuzz-target.ts';

/** Where to connect and listen: Redis' connection strings, SQLAlchemy's URLs, buckets, listening addresses. No message repeats a password. */
export const addresses: FuzzTarget = {
  name: 'addresses',
  form: 'text',
  tokens: [
    'password=',
    'username=',
    'db=',
    'ssl=true',
    'ssl_cert_reqs=none',
    'socket_timeout=',
    'localhost:6379',
    '[::1]',
    ',',
    '@',
    '://',
    '%40',
    '%',
    'unix:',
    '?a=b',
    'postgresql+psycopg',
    's3',
  ],
  seeds: () =>
    [
      'localhost:6379',
      'a:1,b:2,[::1]:3,password="s3,cret",db=2,ssl=true,ssl_cert_reqs=none,socket_timeout=0.5',
      'postgresql+psycopg://user:pa%40ss@db:5432/feast?sslmode=require',
      'mysql://[::1]:3306/x',
      'sqlite:////data/registry.db',
      's3://bucket/a/b.db',
      '127.0.0.1:50051',
      'unix:/run/sideboard.sock',
      '[::]:0',
    ].map((text) => Buffer.from(text)),
  check(input) {
    const text = input.toString('utf8');
    checkConnectionString(text);
    const url = valueOrRefusal(['REGISTRY_SETTINGS_INVALID'], () => parseSqlAlchemyUrl(text, 'registry.path'));
    if (url !== undefined) {
      assert.ok(url.port === undefined || Number.isInteger(url.port));
      assert.equal(typeof shownUrl(url), 'string');
    }
    const object = valueOrRefusal(['REGISTRY_SETTINGS_INVALID'], () => bucketObjectFromUrl(text));
    if (object !== undefined) assert.ok(object.bucket !== '' && object.key !== '');
    const address = valueOrRefusal(['INVALID_LISTEN_ADDRESS'], () => parseListenAddress(text));
    if (address?.kind === 'tcp') assert.ok(address.port >= 0 && address.port < 65_536);
  },
};

/** Its errors have no code of their own: the store's configuration, whose schema calls it, gives them one. */
function checkConnectionString(text: string): void {
  const marked = `${text},password=kept-secret`;
  try {
    const { nodes, db } = parseConnectionString(marked);
    assert.ok(nodes.length > 0 && Number.isInteger(db));
    for (const { port } of nodes) assert.ok(port > 0 && port < 65_536);
  } catch (error) {
    assert.ok(error instanceof Error && error.constructor === Error, String(error));
    assert.ok(!error.message.includes('kept-secret'));
  }
}
