import assert from 'node:assert/strict';
import { RedisOnlineStoreConfig, RedisOnlineStoreSettings } from '../../../src/stores/redis/redis-config.ts';
import { parseConnectionString } from '../../../src/stores/redis/redis-connection-string.ts';

describe("Feast's connection_string", () => {
  it('holds one address or several, with 6379 where no port is given', () => {
    assert.deepEqual(parseConnectionString('localhost:6380').nodes, [{ host: 'localhost', port: 6380 }]);
    assert.deepEqual(parseConnectionString('a:1,b:2, [::1]:3 ,c').nodes, [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
      { host: '::1', port: 3 },
      { host: 'c', port: 6379 },
    ]);
  });

  it('holds database, credentials, encryption and time limits', () => {
    const text =
      'r:1,db=3,username=u,password=p=q,ssl=true,ssl_ca_certs=/ca.pem,ssl_certfile=/c.pem,ssl_keyfile=/k.pem,' +
      'ssl_cert_reqs=none,ssl_check_hostname=false,socket_timeout=0.5,socket_connect_timeout=2';
    assert.deepEqual(parseConnectionString(text), {
      nodes: [{ host: 'r', port: 1 }],
      db: 3,
      username: 'u',
      password: 'p=q',
      tls: { caFile: '/ca.pem', certFile: '/c.pem', keyFile: '/k.pem', verify: false, checkHostname: false },
      commandTimeoutMs: 500,
      connectTimeoutMs: 2000,
      ignored: [],
    });
  });

  it('reads values as JSON where they are JSON text', () => {
    assert.equal(parseConnectionString('r:1,password="12 3"').password, '12 3');
    assert.equal(parseConnectionString('r:1,password=007').password, '007');
    assert.equal(parseConnectionString('r:1,password=null').password, undefined);
    assert.equal(parseConnectionString('r:1,ssl=false').tls, undefined);
    assert.equal(parseConnectionString('r:1,ssl=True').tls?.verify, true);
  });

  it("names parameters that only Feast's own client knows", () => {
    assert.deepEqual(parseConnectionString('r:1,skip_full_coverage_check=true').ignored, ['skip_full_coverage_check']);
  });

  for (const [text, says] of [
    ['db=1', /no host:port/],
    ['', /no host:port/],
    ['r:1,colour=red', /"colour" is not known/],
    ['r:99999', /neither host:port/],
    ['redis://default:sec,ret#@r:1/0', /a URL is not the form/],
    ['r:1,password=sec,ret#!: x', /a password cannot hold a comma/],
    ['r:1,db=one', /db is a whole number/],
    ['r:1,ssl=maybe', /ssl is true or false/],
    ['r:1,ssl_cert_reqs=some', /none, optional or required/],
    ['r:1,socket_timeout=-1', /number of seconds/],
  ] as const) {
    it(`refuses ${JSON.stringify(text)} without repeating a value`, () => {
      assert.throws(
        () => parseConnectionString(text),
        (error: unknown) => {
          assert.ok(error instanceof Error);
          assert.match(error.message, says);
          assert.doesNotMatch(error.message, /=sec|ret#|\bone\b|maybe|\bsome\b|-1/);
          return true;
        },
      );
    });
  }
});

describe('the configuration of the Redis store', () => {
  it("has Feast's defaults", () => {
    assert.deepEqual(RedisOnlineStoreConfig.parse({}), {
      redis_type: 'redis',
      sentinel_master: 'mymaster',
      connection_string: { nodes: [{ host: 'localhost', port: 6379 }], db: 0, ignored: [] },
      full_scan_for_deletion: true,
      skip_dedup: false,
    });
  });

  it('takes nulls where Feast takes them', () => {
    const config = RedisOnlineStoreConfig.parse({
      key_ttl_seconds: null,
      full_scan_for_deletion: null,
      client: 'glide',
    });
    assert.equal(config.key_ttl_seconds, null);
    assert.equal(config.full_scan_for_deletion, true);
  });

  it('refuses unknown keys and impossible values', () => {
    for (const wrong of [
      { key_ttl: 5 },
      { redis_type: 'valkey' },
      { key_ttl_seconds: -1 },
      { connection_string: 'db=1' },
    ]) {
      assert.ok(!RedisOnlineStoreConfig.safeParse(wrong).success, JSON.stringify(wrong));
    }
    assert.ok(!RedisOnlineStoreSettings.safeParse({ connect_timeout: 5 }).success);
  });
});
