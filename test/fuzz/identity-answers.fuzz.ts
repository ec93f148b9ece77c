import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Jwks } from '../../src/operations/auth/jwks.ts';
import { jwtAlgorithms, keyFits } from '../../src/operations/auth/jwt-algorithms.ts';
import { createKubernetesVerifier } from '../../src/operations/auth/kubernetes-verifier.ts';
import { type FuzzTarget, settledOrRefusal } from './fuzz-target.ts';

const ISSUER = 'https://idp.example.com';

/** What JSON over HTTP says of who calls: an identity provider's key set, a `TokenReview` and role bindings of Kubernetes. */
export const identityAnswers: FuzzTarget = {
  name: 'identity-answers',
  form: 'json',
  tokens: ['"kty"', '"RSA"', '"EC"', '"oct"', '"keys"', '"status"', '"authenticated"', '"items"', '"__proto__"'],
  seeds: () => [keySet(), tokenReview(), roleBindings()].map((answer) => Buffer.from(JSON.stringify(answer))),
  async check(input) {
    const { url, folder, serve } = await world();
    serve(input);
    const jwks = new Jwks({
      discoveryUrl: `${url}/discovery`,
      authorities: async () => undefined,
      verifyTls: true,
      timeoutMs: 5_000,
      lifespanMs: 60_000,
      onError: () => {},
    });
    for (const algorithm of jwtAlgorithms) {
      for (const id of ['one', undefined]) {
        const key = await settledOrRefusal(['AUTH_UNAVAILABLE'], () => jwks.keyFor(id, algorithm));
        if (key !== undefined) assert.ok(keyFits(key, algorithm), `a key for ${algorithm} that does not fit it`);
      }
    }
    const audience = ['features'];
    const verifier = createKubernetesVerifier({
      apiServer: url,
      accountFolder: folder,
      audience,
      rememberMs: 1_000,
      warn: () => {},
    });
    const codes = ['AUTH_UNAVAILABLE', 'AUTH_TOKEN_INVALID'];
    const verified = await settledOrRefusal(codes, async () => verifier.verify('any'));
    if (verified === undefined) return;
    const { status } = JSON.parse(input.toString('utf8'));
    assert.equal(status.authenticated, true);
    assert.ok(status.audiences.includes('features'), 'a token for somebody else');
    const { name, roles, groups, namespaces } = verified.caller;
    assert.ok(typeof name === 'string' && name !== '');
    for (const each of [...roles, ...groups, ...namespaces]) assert.equal(typeof each, 'string');
  },
};

interface World {
  readonly url: string;
  /** Of a pod's service account. */
  readonly folder: string;
  serve(answer: Buffer): void;
}

let opened: Promise<World> | undefined;

/** One server per process, which keeps nothing from ending. */
function world(): Promise<World> {
  opened ??= open();
  return opened;
}

async function open(): Promise<World> {
  let answer = Buffer.alloc(0);
  let url = '';
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
    // The discovery document is no noise: that would lead to servers of others.
    if (request.url === '/discovery') response.end(JSON.stringify({ issuer: ISSUER, jwks_uri: `${url}/keys` }));
    else response.end(answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = mkdtempSync(join(tmpdir(), 'sideboard-fuzz-account-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const [file, text] of Object.entries({ token: 't', 'ca.crt': '', namespace: 'features' }))
    writeFileSync(join(folder, file), text);
  return {
    url,
    folder,
    serve(next) {
      answer = Buffer.from(next);
    },
  };
}

function keySet() {
  const pairs = [
    generateKeyPairSync('rsa', { modulusLength: 2_048 }),
    generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
    generateKeyPairSync('ed25519'),
  ];
  const [rsa, ec, ed] = pairs.map(({ publicKey }) => publicKey.export({ format: 'jwk' }));
  return {
    keys: [
      { ...rsa, kid: 'one', alg: 'RS256', use: 'sig' },
      { ...ec, kid: 'two', key_ops: ['verify'] },
      { ...ed, kid: 'three' },
      { kty: 'oct', kid: 'one', k: 'c2VjcmV0' },
    ],
  };
}

/** The bindings stand beside the review: one document answers both questions. */
function tokenReview() {
  return {
    ...roleBindings(),
    kind: 'TokenReview',
    status: {
      authenticated: true,
      audiences: ['features'],
      user: {
        username: 'system:serviceaccount:models:ranking',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:models'],
      },
    },
  };
}

function roleBindings() {
  const subject = { kind: 'ServiceAccount', name: 'ranking', namespace: 'models' };
  return { items: [{ roleRef: { name: 'reader' }, subjects: [subject, { kind: 'User', name: 'ann' }] }] };
}
