import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto';
import { claimsFromJwt, type JwtRules, parseJwt } from '../../src/operations/auth/jwt.ts';
import { tokensFromText } from '../../src/operations/auth/token-file.ts';
import { type FuzzTarget, valueOrRefusal } from './fuzz-target.ts';

const NOW = 2_000_000_000;
const RULES: JwtRules = {
  algorithms: ['ES256', 'EdDSA'],
  issuer: 'https://idp.test',
  audience: ['features', 'models'],
  skewSeconds: 30,
};
const REFUSALS = ['AUTH_TOKEN_INVALID', 'AUTH_TOKEN_EXPIRED'];
const CLAIMS = { sub: 'ann', iss: 'https://idp.test', aud: 'features', exp: 4_000_000_000 };

/** Two keys whose private halves nobody has, and what they signed: `CLAIMS`. */
const jwks: readonly JsonWebKey[] = [
  {
    kty: 'EC',
    crv: 'P-256',
    x: 'w_YAKDK749AnHUFemJXdrIXqOWOqg5wb-Qr9hu7oVPw',
    y: 'ODVWYyeOEcNnN902RobKl39OxqX4srCjwS660euZRtU',
  },
  { kty: 'OKP', crv: 'Ed25519', x: '6nNKJ7jxFRE03adQSqWf1u264cVuH3yTB2VQ518G-3A' },
];
const published = jwks.map((key) => createPublicKey({ key, format: 'jwk' }));
const payload = 'eyJzdWIiOiJhbm4iLCJpc3MiOiJodHRwczovL2lkcC50ZXN0IiwiYXVkIjoiZmVhdHVyZXMiLCJleHAiOjQwMDAwMDAwMDB9';
const tokens = [
  `eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6Im9uZSJ9.${payload}.fl3KuiAuFKAlK8_W7OmydCceV9dV6w2oRMcuV3rWQDDKZlVephCM06dSXFlgY6jnU3hY1ZRgmkLWeS4VZxAsSQ`,
  `eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6Im9uZSJ9.${payload}.TDFplxpk2KhItB9irL4ffSjBImO2wIqiEGD5R6FXAJR4lOtDYxYiu7MtlKyYtUMp-ogTYIYRFowswAkl6kmEAw`,
];

const own = generateKeyPairSync('ed25519');
const head = Buffer.from('{"alg":"EdDSA"}').toString('base64url');

/** A JWT, as it came, as claims that were signed, and as a head. */
export const jwt: FuzzTarget = {
  name: 'jwt',
  form: 'text',
  tokens: [
    '"exp":',
    '"nbf":',
    '"iat":',
    '"iss":',
    '"aud":',
    '"__proto__":',
    '[',
    ']',
    'null',
    '1e9',
    '-1',
    '.',
    'none',
    'HS256',
  ],
  seeds: () =>
    [
      ...tokens,
      JSON.stringify(CLAIMS),
      JSON.stringify({ ...CLAIMS, aud: ['others', 'models'], nbf: 1, iat: 1_999_999_999, roles: ['reader'] }),
      JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'one' }),
    ].map((text) => Buffer.from(text)),
  check(input) {
    const text = input.toString('utf8');
    for (const key of published) {
      const claims = verified(text, key);
      if (claims !== undefined) assert.deepEqual({ ...claims }, CLAIMS);
    }
    const signed = `${head}.${input.toString('base64url')}`;
    const signature = sign(null, Buffer.from(signed), own.privateKey).toString('base64url');
    assert.equal(verified(`${signed}.${signature}`, own.publicKey) !== undefined, areGood(text));
    valueOrRefusal(REFUSALS, () => {
      const { algorithm } = parseJwt(`${input.toString('base64url')}.${payload}.AA`, RULES.algorithms);
      assert.ok(RULES.algorithms.includes(algorithm));
    });
  },
};

function verified(token: string, key: Parameters<typeof claimsFromJwt>[1]) {
  return valueOrRefusal(REFUSALS, () => claimsFromJwt(parseJwt(token, RULES.algorithms), key, RULES, NOW * 1000));
}

/** The rules once more, in other words. */
function areGood(text: string): boolean {
  let claims: unknown;
  try {
    claims = JSON.parse(text);
  } catch {
    return false;
  }
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return false;
  const own = (name: string): unknown => Object.getOwnPropertyDescriptor(claims, name)?.value;
  const begun = ['nbf', 'iat']
    .map(own)
    .every((at) => at === undefined || (Number.isFinite(at) && Number(at) <= NOW + 30));
  const ended = !Number.isFinite(own('exp')) || Number(own('exp')) <= NOW - 30;
  const audiences = [own('aud')].flat();
  return (
    begun && !ended && own('iss') === RULES.issuer && ['features', 'models'].some((each) => audiences.includes(each))
  );
}

/** The file of static tokens. No message repeats one. */
export const tokenFile: FuzzTarget = {
  name: 'token-file',
  form: 'text',
  tokens: ['sha256:', 'roles=', 'groups=', 'namespaces=', ':', '#', ',', '\r\n', ' '],
  seeds: () =>
    [
      'ann:0123456789abcdef\n',
      `# who may call\n\nann:sha256:${'0a'.repeat(32)} roles=reader,writer groups=ml namespaces=a,b\r\nbob@x/y:token-of-some-length\n`,
    ].map((text) => Buffer.from(text)),
  check(input) {
    for (const last of ['ann:kept-secret-kept-secret', 'kept-secret-kept-secret']) {
      const content = Buffer.concat([input, Buffer.from(`\n${last}\n`)]);
      const listed = valueOrRefusal(['AUTH_CONFIG_INVALID'], () => {
        try {
          return tokensFromText(content);
        } catch (error) {
          assert.doesNotMatch(String(error), /kept-secret/);
          throw error;
        }
      });
      for (const { digest, verified: token } of listed ?? []) {
        assert.equal(digest.length, 32);
        assert.match(token.caller.name, /^\S+$/);
      }
    }
  },
};
