import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuthError } from '../../../src/operations/auth/auth-error.ts';
import { Jwks, type JwksOptions } from '../../../src/operations/auth/jwks.ts';
import { jwtAlgorithms } from '../../../src/operations/auth/jwt-algorithms.ts';
import { createOidcVerifier, type OidcVerifierOptions } from '../../../src/operations/auth/oidc-verifier.ts';
import type { TokenVerifier } from '../../../src/operations/auth/token-verifier.ts';
import { createSigningKey, OidcProvider, signByHmac, signJwt, unsigned } from '../../support/oidc-provider.ts';
import { TestAuthority } from '../../support/tls-certificates.ts';

const AUDIENCE = 'feature-serving';
const SKEW = 30;

describe('tokens of an OpenID Connect provider', function () {
  this.timeout(20_000);
  const key = createSigningKey('one');
  let folder: string;
  let provider: OidcProvider;
  let now: number;
  let errors: unknown[];
  let verifier: TokenVerifier;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sideboard-oidc-'));
    provider = await OidcProvider.start(folder);
  });
  after(async () => {
    await provider.stop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    provider.publish(key);
    provider.down = false;
    provider.discovery = {};
    provider.status = 200;
    provider.fetches = 0;
    now = 1_700_000_000_000;
    errors = [];
    verifier = open();
  });

  function open(changes: Partial<OidcVerifierOptions> = {}, connection: Partial<JwksOptions> = {}): TokenVerifier {
    const jwks = new Jwks({
      discoveryUrl: provider.discoveryUrl,
      authorities: async () => readFileSync(provider.caFile),
      verifyTls: true,
      timeoutMs: 5_000,
      lifespanMs: 300_000,
      onError: (error) => errors.push(error),
      now: () => now,
      ...connection,
    });
    return createOidcVerifier({
      jwks,
      algorithms: ['RS256', 'ES256'],
      issuer: undefined,
      audience: [AUDIENCE],
      clientId: 'features',
      skewSeconds: SKEW,
      now: () => now,
      ...changes,
    });
  }

  const seconds = () => now / 1000;
  const claims = (changes: object = {}) => ({
    sub: 'ann',
    iss: provider.url,
    aud: AUDIENCE,
    exp: seconds() + 600,
    iat: seconds(),
    ...changes,
  });

  async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const giveUp = Date.now() + 5_000;
    while (!(await holds())) {
      assert.ok(Date.now() < giveUp);
      await sleep(5);
    }
  }

  async function codeOf(token: string, by = verifier): Promise<string> {
    try {
      await by.verify(token);
      return 'accepted';
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      for (const part of token.split('.').filter((each) => each.length > 20)) {
        assert.ok(!error.describe().includes(part), 'the message holds a part of the token');
      }
      return error.code;
    }
  }

  it('name their caller, with roles and groups where Feast looks for them', async () => {
    const token = signJwt(key, {
      ...claims({ aud: ['other', AUDIENCE], preferred_username: 'Ann', azp: 'cli' }),
      resource_access: { features: { roles: ['reader', 'writer'] }, other: { roles: ['admin'] } },
      roles: ['writer', 'auditor', 7],
      groups: ['ml'],
    });
    const verified = await verifier.verify(token);
    assert.deepEqual(verified?.caller, {
      name: 'Ann',
      roles: ['reader', 'writer', 'auditor'],
      groups: ['ml'],
      namespaces: [],
    });
    assert.equal(verified?.rememberUntil, now + 300_000);
    const short = await verifier.verify(signJwt(key, claims({ exp: seconds() + 60 })));
    assert.equal(short?.rememberUntil, now + (60 + SKEW) * 1000);
    assert.equal(
      (await verifier.verify(signJwt(key, claims({ preferred_username: 7, appid: 'app' }))))?.caller.name,
      'app',
    );
  });

  it('are accepted in every algorithm that is allowed, and in no other', async () => {
    for (const alg of ['RS256', 'RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
      const other = createSigningKey('x', alg);
      provider.publish(other);
      assert.equal(await codeOf(signJwt(other, claims()), open({ algorithms: jwtAlgorithms })), 'accepted', alg);
      const expected = alg === 'RS256' || alg === 'ES256' ? 'accepted' : 'AUTH_TOKEN_INVALID';
      assert.equal(await codeOf(signJwt(other, claims()), open()), expected, alg);
    }
  });

  it('are refused when they are forged, for others, too old or too new', async () => {
    const good = signJwt(key, claims());
    const [head = '', payload = '', signature = ''] = good.split('.');
    const publicPem = key.publicKey.export({ type: 'spki', format: 'pem' });
    const publicJwk = JSON.stringify(key.publicKey.export({ format: 'jwk' }));
    const stranger = createSigningKey('one');
    const ec = createSigningKey('one', 'ES256');
    const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const invalid = {
      'other claims under the signature': `${head}.${encoded(claims({ sub: 'root' }))}.${signature}`,
      'a changed signature': `${head}.${payload}.${signature.slice(0, -8)}AAAAAAAA`,
      'no signature': `${head}.${payload}.`,
      'alg none': `${unsigned({ alg: 'none', typ: 'JWT' }, claims())}.`,
      'alg none with a signature': `${unsigned({ alg: 'none', kid: 'one' }, claims())}.${signature}`,
      'alg NONE': `${unsigned({ alg: 'NONE', kid: 'one' }, claims())}.x`,
      'HS256 by the public key in PEM': signByHmac(String(publicPem), claims(), { kid: 'one' }),
      'HS256 by the public key in JSON': signByHmac(publicJwk, claims(), { kid: 'one' }),
      'HS256 that says RS256': signByHmac(String(publicPem), claims(), { kid: 'one', alg: 'RS256' }),
      'another key of the same id': signJwt(stranger, claims()),
      'an ES256 signature under the id of an RSA key': signJwt(ec, claims()),
      'RS256 by an EC key': signJwt(ec, claims(), { alg: 'RS256' }),
      'an unknown key id': signJwt(createSigningKey('two'), claims()),
      'a key that it brings along': signJwt(stranger, claims(), {
        kid: undefined,
        jwk: stranger.publicKey.export({ format: 'jwk' }),
      }),
      'a critical extension': signJwt(key, claims(), { crit: ['b64'], b64: false }),
      'another type': signJwt(key, claims(), { typ: 'logout+jwt' }),
      'another audience': signJwt(key, claims({ aud: 'other' })),
      'no audience': signJwt(key, claims({ aud: undefined })),
      'an audience that is an object': signJwt(key, claims({ aud: { 0: AUDIENCE } })),
      'another issuer': signJwt(key, claims({ iss: 'https://evil.test' })),
      'an issuer with a slash more': signJwt(key, claims({ iss: `${provider.url}/` })),
      'no issuer': signJwt(key, claims({ iss: undefined })),
      'no end': signJwt(key, claims({ exp: undefined })),
      'an end that is text': signJwt(key, claims({ exp: '9999999999' })),
      'a start that is text': signJwt(key, claims({ nbf: '0' })),
      'a start in the future': signJwt(key, claims({ nbf: seconds() + SKEW + 5 })),
      'an issue in the future': signJwt(key, claims({ iat: seconds() + SKEW + 5 })),
      nobody: signJwt(key, claims({ sub: undefined })),
      'claims that are a list': signJwt(key, []),
      'four parts': `${good}.x`,
      'two parts': `${head}.${payload}`,
      'characters of other alphabets': `${head}.${payload}=.${signature}`,
      'no JSON': `e30x.e30x.${signature}`,
      'an empty text': '',
    };
    for (const [what, token] of Object.entries(invalid)) {
      assert.equal(await codeOf(token), 'AUTH_TOKEN_INVALID', what);
    }
    assert.equal(await codeOf(signJwt(key, claims({ exp: seconds() - SKEW }))), 'AUTH_TOKEN_EXPIRED');
    assert.equal(await codeOf(good), 'accepted');
  });

  it('may be as far off in time as clocks may, and no farther', async () => {
    const accepted = [{ exp: seconds() - SKEW + 1 }, { nbf: seconds() + SKEW - 1 }, { iat: seconds() + SKEW - 1 }];
    for (const each of accepted)
      assert.equal(await codeOf(signJwt(key, claims(each))), 'accepted', JSON.stringify(each));
  });

  it('need no audience where any is accepted, and the configured issuer wherever the provider stands', async () => {
    const lax = open({ audience: undefined, issuer: 'https://login.test/v1' });
    assert.equal(await codeOf(signJwt(key, claims({ aud: 'x', iss: 'https://login.test/v1' })), lax), 'accepted');
    assert.equal(await codeOf(signJwt(key, claims()), lax), 'AUTH_TOKEN_INVALID');
    for (const aud of [7, [7]]) {
      assert.equal(await codeOf(signJwt(key, claims({ aud })), open({ audience: ['7'] })), 'AUTH_TOKEN_INVALID');
    }
  });

  it('are not verified by keys that are meant for something else, or too weak', async () => {
    const [published] = provider.keys;
    const other = createSigningKey('two');
    for (const change of [{ use: 'enc' }, { key_ops: ['encrypt'] }, { alg: 'RS512' }, { kty: 'oct', k: 'c2VjcmV0' }]) {
      provider.publish(other);
      provider.keys.push({ ...published, ...change });
      assert.equal(await codeOf(signJwt(key, claims()), open()), 'AUTH_TOKEN_INVALID', JSON.stringify(change));
    }
    const weak = { kid: 'weak', alg: 'RS256', ...generateKeyPairSync('rsa', { modulusLength: 1024 }) };
    provider.publish(other, weak);
    assert.equal(await codeOf(signJwt(weak, claims()), open()), 'AUTH_TOKEN_INVALID');
    assert.equal(await codeOf(signJwt(other, claims()), open()), 'accepted');
  });

  it('without a key id are of the only key that there is, and of none where there are several', async () => {
    const anonymous = signJwt(key, claims(), { kid: undefined });
    assert.equal(await codeOf(anonymous), 'accepted');
    provider.publish(key, createSigningKey('two'));
    assert.equal(await codeOf(anonymous, open()), 'AUTH_TOKEN_INVALID');
  });

  it('cannot be judged by keys of somebody who only answers in the place of the provider', async () => {
    const stranger = readFileSync(new TestAuthority(folder, 'stranger').file);
    const token = signJwt(key, claims());
    assert.equal(await codeOf(token, open({}, { authorities: async () => stranger })), 'AUTH_UNAVAILABLE');
    assert.equal(await codeOf(token, open({}, { authorities: async () => undefined })), 'AUTH_UNAVAILABLE');
    const unverified = open({}, { authorities: async () => undefined, verifyTls: false });
    assert.equal(await codeOf(token, unverified), 'accepted', 'which only whoever asks for it gets');
    const otherName = provider.discoveryUrl.replace('127.0.0.1', 'localhost');
    assert.equal(await codeOf(token, open({}, { discoveryUrl: otherName })), 'AUTH_UNAVAILABLE');
  });

  it('cannot be judged by documents that come without TLS, by a redirection, with an error, or without end', async () => {
    const token = signJwt(key, claims());
    const plain = createServer((_, response) => {
      provider.fetches++;
      response.end(JSON.stringify({ keys: provider.keys }));
    }).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    for (const discovery of [
      { jwks_uri: `http://127.0.0.1:${(plain.address() as AddressInfo).port}/keys` },
      { jwks_uri: 'keys' },
      { jwks_uri: undefined },
      { issuer: undefined },
      { padding: 'x'.repeat(1024 * 1024) },
    ]) {
      provider.discovery = discovery;
      const fetches = provider.fetches;
      assert.equal(await codeOf(token, open()), 'AUTH_UNAVAILABLE', JSON.stringify(discovery).slice(0, 80));
      assert.equal(provider.fetches, fetches, 'the keys were asked for');
    }
    plain.close();
    provider.discovery = {};
    for (const status of [201, 302, 307, 403, 500]) {
      provider.status = status;
      assert.equal(await codeOf(token, open()), 'AUTH_UNAVAILABLE', String(status));
    }
    provider.status = 200;
    assert.equal(await codeOf(token, open()), 'accepted');
  });

  it('of a new key are accepted at once, and invented key ids do not make a flood', async () => {
    assert.equal(await codeOf(signJwt(key, claims())), 'accepted');
    now += 11_000;
    const next = createSigningKey('two');
    provider.publish(key, next);
    assert.equal(await codeOf(signJwt(next, claims())), 'accepted');
    assert.equal(provider.fetches, 2);
    for (let at = 0; at < 20; at++) {
      assert.equal(await codeOf(signJwt(key, claims(), { kid: `invented-${at}` })), 'AUTH_TOKEN_INVALID');
    }
    assert.equal(provider.fetches, 2);
    now += 11_000;
    const many = Array.from({ length: 20 }, (_, at) => codeOf(signJwt(key, claims(), { kid: `again-${at}` })));
    assert.deepEqual(new Set(await Promise.all(many)), new Set(['AUTH_TOKEN_INVALID']));
    assert.equal(provider.fetches, 3);
  });

  it('of a new key are all accepted while the keys are being fetched', async () => {
    assert.equal(await codeOf(signJwt(key, claims())), 'accepted');
    now += 11_000;
    const next = createSigningKey('two');
    provider.publish(key, next);
    const callers = Array.from({ length: 20 }, (_, at) => codeOf(signJwt(next, claims({ sub: `caller-${at}` }))));
    assert.deepEqual(new Set(await Promise.all(callers)), new Set(['accepted']));
    assert.equal(provider.fetches, 2);
    provider.down = true;
    now += 11_000;
    const unknown = Array.from({ length: 5 }, (_, at) => codeOf(signJwt(key, claims(), { kid: `invented-${at}` })));
    assert.deepEqual(new Set(await Promise.all(unknown)), new Set(['AUTH_UNAVAILABLE']), 'the key may be a new one');
    assert.equal(errors.length, 1, 'one attempt is one failure');
  });

  it('are believed no longer than the keys that verified them', async () => {
    const believedUntil = async () =>
      (await verifier.verify(signJwt(key, claims({ exp: seconds() + 7200 }))))?.rememberUntil;
    const fetchedAt = now;
    assert.equal(await believedUntil(), fetchedAt + 300_000);
    now += 200_000;
    assert.equal(await believedUntil(), fetchedAt + 300_000);
    provider.down = true;
    now += 3_600_000;
    assert.equal(await believedUntil(), now + 10_000);
  });

  it('are verified by the last keys while the provider is gone, and by none that were never fetched', async () => {
    assert.equal(await codeOf(signJwt(key, claims())), 'accepted');
    provider.down = true;
    now += 3_600_000;
    assert.equal(await codeOf(signJwt(key, claims())), 'accepted');
    assert.equal(await codeOf(signJwt(key, claims(), { kid: 'new' })), 'AUTH_UNAVAILABLE');
    await until(() => errors.length > 0);
    assert.equal(await codeOf(signJwt(key, claims(), { kid: 'new' })), 'AUTH_UNAVAILABLE', 'nor is it asked again yet');
    now += 24 * 3_600_000;
    assert.equal(await codeOf(signJwt(key, claims())), 'AUTH_UNAVAILABLE');
    const fresh = open();
    assert.equal(await codeOf(signJwt(key, claims()), fresh), 'AUTH_UNAVAILABLE');
    provider.down = false;
    assert.equal(await codeOf(signJwt(key, claims()), fresh), 'AUTH_UNAVAILABLE');
    now += 11_000;
    assert.equal(await codeOf(signJwt(key, claims()), fresh), 'accepted');
  });

  it('of a new key are not called bad while the provider cannot be asked about it, and accepted when it can', async () => {
    assert.equal(await codeOf(signJwt(key, claims())), 'accepted');
    const next = createSigningKey('two');
    provider.publish(key, next);
    provider.down = true;
    now += 11_000;
    assert.equal(await codeOf(signJwt(next, claims())), 'AUTH_UNAVAILABLE');
    assert.equal(await codeOf(signJwt(key, claims())), 'accepted');
    provider.down = false;
    now += 11_000;
    assert.equal(await codeOf(signJwt(next, claims())), 'accepted');
    assert.equal(await codeOf(signJwt(key, claims(), { kid: 'invented' })), 'AUTH_TOKEN_INVALID');
  });

  it('are judged by keys from a provider whose authority was replaced while the process runs', async () => {
    const stranger = readFileSync(new TestAuthority(folder, 'before').file);
    let authorities = stranger;
    const judge = open({}, { authorities: async () => authorities });
    assert.equal(await codeOf(signJwt(key, claims()), judge), 'AUTH_UNAVAILABLE');
    authorities = readFileSync(provider.caFile);
    now += 11_000;
    assert.equal(await codeOf(signJwt(key, claims()), judge), 'accepted');
  });

  it('of a key that was withdrawn are refused once the keys are fetched anew', async () => {
    assert.equal(await codeOf(signJwt(key, claims())), 'accepted');
    provider.publish(createSigningKey('two'));
    now += 301_000;
    assert.equal(await codeOf(signJwt(key, claims())), 'accepted');
    await until(async () => (await codeOf(signJwt(key, claims()))) === 'AUTH_TOKEN_INVALID');
  });
});
