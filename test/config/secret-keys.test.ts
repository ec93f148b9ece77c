// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are configuration that refers to ${VAR}.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { z } from 'zod';
import { ConfigError } from '../../src/config/config-error.ts';
import { isSecretKey, looksSecret } from '../../src/config/secret-keys.ts';
import { configErrorOf, configFromYaml } from '../support/config-from-yaml.ts';

const CANARY = 'hunter2canary';

/** Everything of an error that can reach a log or a caller. */
function everythingOf(error: ConfigError): string {
  return [error.describe(), String(error), inspect(error, { depth: 9 }), JSON.stringify(error.violations)].join('\n');
}

describe('secret keys', () => {
  it('are known by their names', () => {
    for (const name of [
      'password',
      'PASSWORD',
      'redis_password',
      'dbPassword',
      'userpassword',
      'passwd',
      'token',
      'accessToken',
      'client_secret',
      'clientsecret',
      'connection_string',
      'connectionString',
      'api_key',
      'apiKey',
      'aws_access_key_id',
      'private_key_content',
      'private-key-passphrase',
      'ssl_key',
      'key',
      'credentials',
      'dsn',
      'authorization',
    ]) {
      assert.ok(isSecretKey(name), name);
    }
  });

  it('are not those that only sound like them', () => {
    for (const name of [
      'key_ttl_seconds',
      'entity_key_fallback',
      'path',
      'host',
      'user',
      'passive',
      'tokenizer',
      'type',
    ]) {
      assert.ok(!isSecretKey(name), name);
    }
  });

  it('are not the only place of secrets: some values give themselves away', () => {
    for (const value of [
      'postgresql://u:p@h/d',
      'h:6379,password=x',
      'Server=a;Pwd=x',
      'https://b?sig=abc',
      'api_key: x',
    ]) {
      assert.ok(looksSecret(value), value);
    }
    for (const value of ['localhost:6379', 's3://bucket/a', 'data/registry.db']) assert.ok(!looksSecret(value), value);
  });
});

describe('a secret', () => {
  const secretPlaces = [
    `online_store:\n  type: redis\n  password: ${CANARY}\n`,
    `online_store:\n  type: redis\n  connection_string: h:1,password=${CANARY}\n`,
    `online_store:\n  type: redis\n  nested: {api_key: ${CANARY}, list: [{token: ${CANARY}}]}\n`,
    `offline_store: {password: ${CANARY}}\n`,
    `auth: {type: oidc, client_secret: ${CANARY}, password: [${CANARY}]}\n`,
    `flags: {token: ${CANARY}}\n`,
    `registry: {registry_type: sql, path: "postgresql://u:${CANARY}@h/d"}\n`,
    `feature_server: {password: ${CANARY}}\nx: ${CANARY}\n`,
  ];

  it('is in no form of the configuration that is printed', () => {
    for (const place of secretPlaces) {
      const yaml = place.startsWith('registry') ? `project: p\n${place}` : `project: p\nregistry: r\n${place}`;
      const load = () => configFromYaml(yaml);
      if (yaml.includes('password: [')) {
        assert.ok(!everythingOf(configErrorOf(load)).includes(CANARY));
        continue;
      }
      const config = load();
      const section = config.section(['online_store']);
      const shown = [
        JSON.stringify(config),
        inspect(config, { depth: 9, showHidden: true }),
        String(config),
        JSON.stringify(config.registry),
        inspect(config.registry),
        JSON.stringify({ ...config }),
        `${section}`,
        JSON.stringify(section),
        inspect(section, { depth: 9 }),
      ];
      for (const text of shown) assert.ok(!text.includes(CANARY), `${place}${text}`);
    }
  });

  it('is in no error, whatever is wrong around it', () => {
    const schema = z.strictObject({
      password: z.int(),
      connection_string: z.string().max(3),
      key_ttl_seconds: z.int(),
      nested: z.strictObject({ api_key: z.boolean() }),
      path: z.enum(['a', 'b']),
    });
    const config = configFromYaml(
      `project: p\nregistry: r\nonline_store:\n  type: redis\n  password: ${CANARY}\n  connection_string: h,password=${CANARY}\n` +
        `  key_ttl_seconds: \${FROM_ENV}\n  nested: {api_key: ${CANARY}}\n  path: "postgres://u:${CANARY}@h"\n`,
      { FROM_ENV: CANARY },
    );
    const error = configErrorOf(() => config.onlineStore.section.parse(schema));
    assert.equal(error.violations.length, 5);
    assert.ok(!everythingOf(error).includes(CANARY), everythingOf(error));
    assert.match(error.message, /password: expected a whole number, got text that is not shown\./);
    assert.match(error.message, /key_ttl_seconds: .*, got text from \$\{FROM_ENV\}\./);
  });

  it('that stands in the environment is in no error, wherever its variable is used', () => {
    const places = [
      '  a: "${S}',
      '  a: ${S}: ${S}',
      'project: ${S}',
      'registry: ${S}',
      '${S}: ${S}',
      'auth: ${S}',
      '\t${S}',
      '*${S}',
    ];
    const tokens = fc.constantFrom(
      ...places,
      'sideboard:',
      'sideboard: {${S}: 1}',
      '  grpc: {address: ${S}, ${S}: 1}',
      '  log:',
      '    level: ${S}',
      'online_store: ${S}',
      'online_store:',
      '  type: ${S}',
      'entity_key_serialization_version: ${S}',
      'provider: [${S}]',
      'x: !${S} y',
      'registry: {registry_type: ${S}}',
      'a: &${S} b',
      'k: &k ${S}',
      'registry: {*k : 1}',
      'sideboard: {*k : 1}',
    );
    const values = fc.constantFrom(
      CANARY,
      `@${CANARY}`,
      `"${CANARY}`,
      `{${CANARY}: ${CANARY}}`,
      `[${CANARY}`,
      `\n  ${CANARY}: 1`,
      `${CANARY}: 1`,
    );
    fc.assert(
      fc.property(fc.array(tokens, { maxLength: 8 }), values, (lines, value) => {
        try {
          configFromYaml(lines.join('\n'), { S: value });
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
          assert.ok(!everythingOf(error).includes(CANARY), everythingOf(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('any text', () => {
  it('is a configuration or a ConfigError', () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom(
        'project: p\n',
        'registry: r\n',
        'registry:\n  path: r\n',
        'online_store:\n',
        '  type: redis\n',
        'sideboard:\n',
        '  grpc:\n',
        '  <<: *a\n',
        'a: &a\n',
        '  b: *a\n',
        '<<: [*a, *a]\n',
        '${A}',
        '${A:',
        '$A',
        ': ',
        '- ',
        '? ',
        '[',
        ']',
        '{',
        '}',
        '"',
        "'",
        '|\n',
        '>\n',
        '!!binary x',
        '!!set {a, b}\n',
        '!!omap [a: 1]\n',
        '---\n',
        '...\n',
        '%YAML 1.1\n',
        '\r\n',
        '\t',
        '\ufeff',
        '\0',
        '__proto__: 1\n',
        'constructor: {prototype: 1}\n',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), fc.option(fc.string()), (pieces, value) => {
        const text = pieces.join('');
        try {
          configFromYaml(text, value === null ? {} : { A: value });
        } catch (error) {
          assert.ok(error instanceof ConfigError, `${JSON.stringify(text)}: ${(error as Error).stack}`);
          assert.ok(error.violations.every(({ line }) => line >= 1 && line <= text.split('\n').length));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
