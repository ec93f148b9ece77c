import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { claimsFromJwt, type JwtRules, parseJwt } from '../../src/operations/auth/jwt.ts';
import { TokenGuard } from '../../src/operations/auth/token-guard.ts';
import type { TokenVerifier } from '../../src/operations/auth/token-verifier.ts';
import { type FuzzTarget, settledOrRefusal } from './fuzz-target.ts';

const NOW = 1_800_000_000;
const RULES: JwtRules = { algorithms: ['ES256'], issuer: 'https://idp', audience: ['features'], skewSeconds: 60 };
const CLAIMS = { iss: 'https://idp', aud: 'features', exp: NOW + 600, sub: 'model' };
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function part(value: object | string): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

function signed(head: object, claims: object): string {
  const text = `${part(head)}.${part(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** Of another run's key: recorded tokens are never good. */
const OWN = signed({ alg: 'ES256', typ: 'JWT' }, CLAIMS);
const OWN_PAYLOAD = part(CLAIMS);
const PLACEHOLDER = 'OWN';

const verifier: TokenVerifier = {
  verify(token) {
    const claims = claimsFromJwt(parseJwt(token, RULES.algorithms), publicKey, RULES, NOW * 1000);
    const caller = { name: String(claims.sub), roles: [], groups: [], namespaces: [] };
    return { caller, rememberUntil: NOW * 1000 };
  },
  close() {},
};

/**
 * The header `authorization`, in which `OWN` stands for a good token of this run: whatever is done to it, nobody is let in but by a token
 * with its payload and its signature.
 */
export const authorizationHeader: FuzzTarget = {
  name: 'authorization-header',
  form: 'text',
  tokens: [
    'Bearer ',
    '.',
    PLACEHOLDER,
    OWN_PAYLOAD,
    part({ alg: 'none' }),
    part({ alg: 'HS256' }),
    part({ alg: 'ES256', crit: ['x'] }),
    '=',
    '-',
    '_',
  ],
  seeds: () =>
    [
      `Bearer ${PLACEHOLDER}`,
      `bearer  ${part({ alg: 'none' })}.${OWN_PAYLOAD}.`,
      `Bearer ${part({ alg: 'ES256', kid: 'a' })}.${part({ ...CLAIMS, exp: 1 })}.${part('signature')}`,
      `Bearer ${part({ alg: 'HS256', typ: 'at+jwt' })}.${part('[1]')}.${part('{"exp":1e999}')}`,
      'Basic dXNlcjpwYXNz',
    ].map((text) => Buffer.from(text)),
  async check(input) {
    const header = input.toString('latin1').replaceAll(PLACEHOLDER, OWN);
    const guard = new TokenGuard({ verifiers: [verifier], required: true, now: () => NOW * 1000 });
    const caller = await settledOrRefusal(['AUTH_TOKEN_INVALID', 'AUTH_TOKEN_EXPIRED'], async () =>
      guard.admit('/x', header),
    );
    if (caller === undefined) return;
    const [head, payload] = header.replace(/^bearer +/i, '').split('.');
    assert.equal(`${head}.${payload}`, OWN.split('.').slice(0, 2).join('.'));
    assert.equal(caller.name, 'model');
  },
};
