import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertSafeAddress, openCallerRules } from '../../src/cli/transport-security.ts';
import { SideboardError } from '../../src/errors.ts';
import type { TokenGuard } from '../../src/operations/auth/token-guard.ts';
import { configFromYaml } from '../support/config-from-yaml.ts';
import { createLogLines } from '../support/log-lines.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const METHOD = '/feast.serving.ServingService/GetOnlineFeatures';
const configuration = (more: string) =>
  configFromYaml(`project: shop\nregistry: registry.db\nprovider: local\nonline_store: {type: sqlite}\n${more}\n`);

describe('an address that other machines reach, by the configuration', () => {
  const TLS = 'tls: {cert_file: tls.crt, key_file: tls.key}';
  const MUTUAL = 'tls: {cert_file: tls.crt, key_file: tls.key, client_ca_file: ca.crt}';
  const OIDC = 'auth: {type: oidc, auth_discovery_url: "https://idp/x", client_id: a, audience: a}';
  const missing: Readonly<Record<string, string>> = {
    '': 'TLS and authentication',
    [`sideboard: {grpc: {${TLS}}}`]: 'authentication',
    'sideboard: {auth: {tokens_file: tokens}}': 'TLS',
    [`sideboard: {grpc: {${TLS}}, auth: {tokens_file: tokens, required: off}}`]: 'authentication',
    [`${OIDC}\nsideboard: {grpc: {${TLS}}, auth: {callers: open}}`]: 'authentication',
    [OIDC]: 'TLS',
  };
  for (const [text, what] of Object.entries(missing)) {
    it(`is refused without ${what}: ${text.replace(/\s+/g, ' ') || 'nothing'}`, () => {
      const config = configuration(text);
      assert.throws(
        () => assertSafeAddress('0.0.0.0:1', config, {}),
        (error) => {
          assert.ok(error instanceof SideboardError);
          assert.equal(error.code, 'INSECURE_REMOTE_BIND');
          assert.match(error.message, new RegExp(`without ${what}\\.$`));
          return true;
        },
      );
      assertSafeAddress('127.0.0.1:1', config, {});
      assertSafeAddress('0.0.0.0:1', config, { insecureAllowRemote: true });
    });
  }

  for (const text of [
    `sideboard: {grpc: {${TLS}}, auth: {tokens_file: tokens}}`,
    `${OIDC}\nsideboard: {grpc: {${TLS}}}`,
    `sideboard: {grpc: {${MUTUAL}}}`,
    'sideboard: {grpc: {insecure_allow_remote: true}}',
  ]) {
    it(`is served with ${text.replace(/\s+/g, ' ')}`, () => {
      assertSafeAddress('0.0.0.0:1', configuration(text), {});
    });
  }
});

describe('tokens in a file, while the process serves', function () {
  this.timeout(30_000);
  const folder = useTempFolder();

  const nameOf = async (guard: TokenGuard, token: string): Promise<string> => {
    try {
      return (await guard.admit(METHOD, `Bearer ${token}`)).name;
    } catch (error) {
      assert.ok(error instanceof SideboardError);
      return error.code;
    }
  };

  it('are refused soon after they are removed, however often they were good before', async () => {
    const file = join(folder(), 'tokens');
    writeFileSync(file, 'ann:the-token-of-ann-1\nbob:the-token-of-bob-1\n');
    const config = configuration(`sideboard: {auth: {tokens_file: ${JSON.stringify(file)}}}`);
    const { log, lines } = createLogLines();
    const rules = await openCallerRules(config, {}, log);
    assert.ok(rules !== undefined);
    const { guard } = rules;
    try {
      assert.equal(await nameOf(guard, 'the-token-of-ann-1'), 'ann');
      assert.equal(await nameOf(guard, 'the-token-of-eve-1'), 'AUTH_TOKEN_INVALID');
      writeFileSync(file, 'bob:the-token-of-bob-1\neve:the-token-of-eve-1\n');
      const gone = async () =>
        (await nameOf(guard, 'the-token-of-ann-1')) === 'AUTH_TOKEN_INVALID' ? true : undefined;
      await until(gone, () => JSON.stringify(lines), 20_000);
      assert.equal(await nameOf(guard, 'the-token-of-bob-1'), 'bob');
      assert.equal(await nameOf(guard, 'the-token-of-eve-1'), 'eve', 'nor is a refusal remembered');
      assert.doesNotMatch(JSON.stringify(lines), /the-token-of/);
    } finally {
      guard.close();
    }
  });
});
