import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expandEnv } from '../../src/config/env-expansion.ts';
import { featureStoreConfigFromText } from '../../src/config/feature-store-config.ts';
import { definitionsErrors } from '../../src/definitions/definitions-error.ts';
import { definitionsFromTexts } from '../../src/definitions/load-definitions.ts';
import { spanFromTtl, ttlFromSpan } from '../../src/definitions/ttl-text.ts';
import { formatFeastType } from '../../src/encoding/feast-type.ts';
import { isTypeFault, parseFeastType } from '../../src/encoding/feast-type-text.ts';
import { projectRoot } from '../support/project-root.ts';
import { type FuzzTarget, valueOrRefusal } from './fuzz-target.ts';

const ENV = { SECRET: 'canary-7', LINES: 'a\nb: c', BRACE: '}', EMPTY: '', SELF: `$${'{SELF}'}` };
const variable = (text: string): string => `$${`{${text}}`}`;
const YAML_TOKENS = [
  variable('SECRET'),
  variable('LINES'),
  variable('MISSING:x'),
  variable('SELF'),
  '$SECRET',
  '<<: *a',
  '&a ',
  '*a',
  '!!binary ',
  '!!python/none',
  '? ',
  '|\n',
  '>-\n',
  '---\n',
  '%YAML 1.1\n',
  '0o17',
  '1e3',
  '.inf',
  '2001-01-01',
  'yes',
  '~',
  '"\\x41"',
];

/** Definitions in YAML: messages, or all that is wrong with them, with its place. */
export const definitionsYaml: FuzzTarget = {
  name: 'definitions-yaml',
  form: 'text',
  tokens: [
    ...YAML_TOKENS,
    'entities:',
    'feature_views:',
    'sources:',
    'Array(Int64)',
    'Struct({a: Int64})',
    '1d',
    'ttl: ',
  ],
  seeds: () => [
    readFileSync(join(projectRoot, 'examples', 'driver_stats', 'definitions.yaml')),
    ...['minimal', 'ttl', 'composite'].map((name) =>
      readFileSync(join(projectRoot, 'test', 'definitions', 'twins', `${name}.yaml`)),
    ),
  ],
  check(input) {
    const text = input.toString('utf8');
    valueOrRefusal(Object.keys(definitionsErrors), () =>
      definitionsFromTexts([{ file: 'definitions.yaml', text }], { name: 'p' }, { env: ENV }),
    );
  },
};

/** `feature_store.yaml`: a configuration, or all that is wrong with it. What a variable held is in no message. */
export const featureStoreYaml: FuzzTarget = {
  name: 'feature-store-yaml',
  form: 'text',
  tokens: [
    ...YAML_TOKENS,
    'online_store:',
    'sideboard:',
    '  grpc:',
    'registry:',
    'path: ',
    'type: redis',
    'connection_string: ',
  ],
  seeds: () => [
    readFileSync(join(projectRoot, 'feature_store.yaml')),
    Buffer.from(`project: shop
provider: local
registry: {path: data/registry.db, cache_ttl_seconds: 60}
online_store: &store
  type: redis
  connection_string: "localhost:6379,password=\${SECRET}"
offline_store: {type: file}
entity_key_serialization_version: 3
sideboard:
  grpc: {address: 127.0.0.1:0, max_message_bytes: 100000}
  serving: {compatibility: feast-python, max_entities_per_request: 10}
`),
    Buffer.from(
      `project: ${variable('LINES')}\nprovider: local\nregistry: {registry_type: sql, path: "postgresql+psycopg://u:${variable('SECRET')}@h/db"}\nonline_store: sqlite\n`,
    ),
  ],
  check(input) {
    const text = input.toString('utf8');
    const options = { file: '/repo/feature_store.yaml', shownAs: 'feature_store.yaml', env: ENV };
    try {
      valueOrRefusal(['CONFIG_SYNTAX', 'CONFIG_INVALID', 'CONFIG_ENV_MISSING'], () => {
        const config = featureStoreConfigFromText(text, options);
        assert.equal(config.repoPath, '/repo');
      });
      expandEnv(text, ENV);
      featureStoreConfigFromText(text, options);
    } catch (error) {
      if (error instanceof assert.AssertionError || !(error instanceof Error)) throw error;
      if (!('code' in error)) throw error;
      if (!text.includes(ENV.SECRET))
        assert.ok(
          !`${error.message} ${String(Reflect.get(error, 'hint'))}`.includes(ENV.SECRET),
          'the message holds what a variable held',
        );
    }
  },
};

/** Texts within definitions: types as Feast prints them, and ttl. What is read is written, and reads the same. */
export const definitionTexts: FuzzTarget = {
  name: 'definition-texts',
  form: 'text',
  tokens: ['Array(', 'Set(', 'Struct({', 'Int64', 'String', ')', '})', ', ', 'a: ', '"b": ', '1w', '2d', '0.5s'],
  seeds: () =>
    [
      'Int64',
      'Array(String)',
      'Struct({a: Int64, "b": Set(String)})',
      'Array(Array(Float32))',
      '1d',
      '2h30m',
      '0.000001s',
      '604800',
    ].map((text) => Buffer.from(text)),
  check(input) {
    const text = input.toString('utf8');
    const type = parseFeastType(text);
    if (!isTypeFault(type)) assert.deepEqual(parseFeastType(formatFeastType(type)), type);
    const span = spanFromTtl(text);
    if (span !== undefined) assert.deepEqual(spanFromTtl(ttlFromSpan(span)), span);
  },
};
