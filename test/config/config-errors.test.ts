// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are configuration that refers to ${VAR}.

import assert from 'node:assert/strict';
import { z } from 'zod';
import type { ConfigErrorCode } from '../../src/config/config-error.ts';
import { configErrorOf, configFromYaml } from '../support/config-from-yaml.ts';

const BASE = 'project: shop\nregistry: r.db\n';

interface BadConfig {
  readonly name: string;
  readonly yaml: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly code?: ConfigErrorCode;
  /** Every line of message and hint, behind `feature_store.yaml:`. */
  readonly says: readonly string[];
}

const SYNTAX: readonly BadConfig[] = [
  {
    name: 'an empty file',
    yaml: '',
    code: 'CONFIG_INVALID',
    says: ['1: the file is empty. It needs at least project and registry.'],
  },
  {
    name: 'comments alone',
    yaml: '# project: shop\n',
    code: 'CONFIG_INVALID',
    says: ['1: the file is empty. It needs at least project and registry.'],
  },
  {
    name: 'a list',
    yaml: '- project: shop\n',
    code: 'CONFIG_INVALID',
    says: ['1: expected a mapping of settings. It needs at least project and registry.'],
  },
  {
    name: 'a tab for indentation',
    yaml: `${BASE}online_store:\n\ttype: redis\n`,
    says: ['4: not valid YAML at column 1: a tab is used for indentation. Use spaces.'],
  },
  {
    name: 'a tab for indentation and Windows line ends',
    yaml: `${BASE}online_store:\n\ttype: redis\n`.replaceAll('\n', '\r\n'),
    says: ['4: not valid YAML at column 1: a tab is used for indentation. Use spaces.'],
  },
  {
    name: 'keys that stand twice',
    yaml: `${BASE}project: other\nonline_store:\n  type: redis\n  type: sqlite\n`,
    says: [
      '3: not valid YAML at column 1: this key stands twice in one mapping. Keep one of them: Feast would silently take the last.',
      '6: not valid YAML at column 3: this key stands twice in one mapping. Keep one of them: Feast would silently take the last.',
    ],
  },
  {
    name: 'a second document',
    yaml: `${BASE}---\na: 1\n`,
    says: ['3: not valid YAML at column 1: a second document (---) starts here. Keep one document in the file.'],
  },
  {
    name: 'an alias without an anchor',
    yaml: `${BASE}online_store: *redis\n`,
    says: ['3: not valid YAML at column 15: an alias (*name) has no anchor (&name) before it.'],
  },
  {
    name: 'a merge key that merges a number',
    yaml: `${BASE}online_store:\n  <<: 5\n`,
    says: ['4: not valid YAML at column 3: a merge key (<<) or a tag is followed by a value of the wrong kind.'],
  },
  {
    name: 'a mapping for a key',
    yaml: `${BASE}flags: {{a: 1}: 2}\n`,
    says: ['3: not valid YAML at column 9: a list or a mapping stands where a key belongs.'],
  },
  {
    name: "a tag of Python's",
    yaml: `${BASE}flags: !!python/object:os.system x\n`,
    says: ['3: not valid YAML at column 8: a tag (!name) is not known, or does not fit the value behind it.'],
  },
  {
    name: 'a quote that is never closed',
    yaml: `${BASE}provider: "local\n`,
    says: ['4: not valid YAML at column 1: a quote, bracket, comma or colon is missing.'],
  },
  {
    name: 'braces around a variable that is not set',
    yaml: `${BASE}online_store: {type: \${STORE}}\n`,
    says: [
      '3: not valid YAML at column 23: something stands here that does not belong here. ' +
        'The line refers to the environment variable STORE, which is not set.',
    ],
  },
  {
    name: 'a variable whose value needs quotes',
    yaml: `${BASE}online_store:\n  type: redis\n  password: \${PASSWORD}\n`,
    env: { PASSWORD: '@hunter2' },
    says: [
      '5: not valid YAML at column 13: a text starts with a character that needs quotes around the text. ' +
        'The line holds the value of the environment variable PASSWORD: put quotes around it if it is text.',
    ],
  },
  {
    name: 'a mistake below a variable of several lines',
    yaml: 'x: ${BLOCK}\nproject: shop\nregistry: @r\n',
    env: { BLOCK: '\n  a: 1\n  b: 2\n' },
    says: ['3: not valid YAML at column 11: a text starts with a character that needs quotes around the text.'],
  },
];

const ADVICE_REGISTRY = 'Feast writes the registry to the path that stands here, such as data/registry.db.';
const PROJECT_NAME = 'letters, digits, underscores and hyphens, starting with a letter or digit';

const FEAST: readonly BadConfig[] = [
  {
    name: 'nothing that is needed',
    yaml: 'provider: local\n',
    says: [
      `1: project: missing: expected ${PROJECT_NAME}.`,
      `1: registry: missing: expected a path or a section. ${ADVICE_REGISTRY}`,
    ],
  },
  {
    name: 'a project name that YAML reads as a number',
    yaml: 'project: 007\nregistry: r\n',
    says: [`1: project: expected ${PROJECT_NAME}, got 7. Put it in quotes to make it text.`],
  },
  {
    name: 'a project name with a leading underscore',
    yaml: 'project: _shop\nregistry: r\n',
    says: [`1: project: expected ${PROJECT_NAME}, got "_shop".`],
  },
  {
    name: 'a hyphen in the project name over SQLite',
    yaml: 'project: my-shop\nregistry: r\n',
    says: ['1: project: a project on a SQLite online store cannot have hyphens in its name. Use underscores.'],
  },
  {
    name: 'an empty provider',
    yaml: `${BASE}provider:\n`,
    says: ['3: provider: expected text that is not empty, got nothing (null).'],
  },
  {
    name: 'an older entity key serialization',
    yaml: `${BASE}entity_key_serialization_version: 2\n`,
    says: [
      '3: entity_key_serialization_version: expected 3, got 2. Feast only warns and goes on with keys that its own tools no ' +
        'longer read back. Set 3 and write the rows anew; sideboard.entity_key_fallback: v2 finds rows under version 2 keys meanwhile.',
    ],
  },
  {
    name: 'a newer entity key serialization',
    yaml: `${BASE}entity_key_serialization_version: 4\n`,
    says: [
      '3: entity_key_serialization_version: expected 3, got 4. Feast writes version 3 keys for any higher number: set 3.',
    ],
  },
  {
    // Feast refuses it as well: StrictInt.
    name: 'an entity key serialization in quotes',
    yaml: `${BASE}entity_key_serialization_version: "3"\n`,
    says: ['3: entity_key_serialization_version: expected 3, got "3". Write it without quotes.'],
  },
  {
    name: 'an empty registry',
    yaml: 'project: shop\nregistry: ""\n',
    says: ['2: registry: expected a path or a section, got "".'],
  },
  {
    // purge_feast_metadata is a StrictBool of Feast's, which refuses text.
    name: 'a registry without a path and with a mistyped key',
    yaml: 'project: shop\nregistry:\n  pth: r.db\n  cache_ttl_seconds: ten\n  cache_mode: async\n  purge_feast_metadata: "true"\n',
    says: [
      '2: registry.path: missing: expected text that is not empty.',
      '3: registry.pth: unknown setting. Did you mean path?',
      '4: registry.cache_ttl_seconds: expected a whole number of seconds, at least 0, got "ten".',
      '5: registry.cache_mode: expected sync or thread, got "async".',
      '6: registry.purge_feast_metadata: expected true or false, got "true". Write it without quotes.',
    ],
  },
  {
    name: 'a registry type that does not exist',
    yaml: 'project: shop\nregistry: {registry_type: postgres, path: r}\n',
    says: ['2: registry.registry_type: expected file, sql, snowflake.registry or remote, got "postgres".'],
  },
  {
    name: 'two registry types',
    yaml: 'project: shop\nregistry:\n  registry_type: sql\n  type: file\n  path: r\n',
    says: ['4: registry.type: names another type than registry_type does. Remove it: Feast reads registry_type.'],
  },
  {
    name: 'settings of another registry type',
    yaml: 'project: shop\nregistry:\n  path: r\n  read_path: r\n',
    says: [
      '4: registry.read_path: unknown setting. Known here: registry_type, registry_store_type, path, cache_ttl_seconds, cache_mode, enable_online_feature_view_versioning, serve_features_while_materializing, purge_feast_metadata, s3_additional_kwargs, mcp.',
    ],
  },
  {
    name: 'an online store that is switched off',
    yaml: `${BASE}online_store:\n`,
    says: [
      '3: online_store: null switches the online store off, and there is nothing to serve without one. ' +
        'Name the store, or remove the line for the default, SQLite at data/online.db.',
    ],
  },
  {
    name: 'a list for an online store',
    yaml: `${BASE}online_store: [redis]\n`,
    says: ['3: online_store: expected the name of a store or a section.'],
  },
  {
    name: 'an online store whose type is a number',
    yaml: `${BASE}online_store:\n  path: x\n  type: 5\n`,
    says: ['5: online_store.type: expected the name of a store, such as sqlite or redis.'],
  },
  {
    name: 'an unknown authentication method',
    yaml: `${BASE}auth:\n  type: basic\n`,
    says: ['4: auth.type: expected no_auth, oidc or kubernetes, got "basic".'],
  },
  {
    name: 'a number in quotes that is too small, and a flag that is not a word for one',
    yaml: `${BASE}auth:\n  type: oidc\n  verify_ssl: "maybe"\n  jwks_cache_lifespan_seconds: "0"\n`,
    says: [
      '5: auth.verify_ssl: expected true or false, got "maybe".',
      '6: auth.jwks_cache_lifespan_seconds: expected a whole number of seconds, at least 1, got "0".',
    ],
  },
  {
    name: 'a mistyped key of oidc',
    yaml: `${BASE}auth:\n  type: oidc\n  clientid: feast\n  jwks_request_timeout_seconds: 0\n`,
    says: [
      '5: auth.clientid: unknown setting. Did you mean client_id?',
      '6: auth.jwks_request_timeout_seconds: expected a number of seconds above 0, got 0.',
    ],
  },
];

const ENVIRONMENT: readonly BadConfig[] = [
  {
    name: 'a variable without a value',
    yaml: `${BASE}online_store:\n  type: redis\n  connection_string: \${REDIS}:6379\n`,
    code: 'CONFIG_ENV_MISSING',
    says: [
      '5: online_store.connection_string: the environment variable REDIS is not set. Set it, or give it a default: ${REDIS:default}.',
    ],
  },
  {
    name: 'several variables without values, through an alias and a merge key',
    yaml: 'x-a: &a\n  host: ${HOST}\nproject: ${PROJECT}\nregistry: r\nonline_store:\n  <<: *a\n  type: redis\n',
    code: 'CONFIG_ENV_MISSING',
    says: [
      '2: online_store.host: the environment variable HOST is not set. Set it, or give it a default: ${HOST:default}.',
      '3: project: the environment variable PROJECT is not set. Set it, or give it a default: ${PROJECT:default}.',
    ],
  },
  {
    name: "a default in a shell's style",
    yaml: `${BASE}online_store: \${STORE:-redis}\n`,
    code: 'CONFIG_ENV_MISSING',
    says: [
      "3: online_store: the environment variable STORE is not set, and its default starts like a shell's operator. " +
        'Write ${STORE:default} without the sign, or put the default in quotes to keep the sign.',
    ],
  },
  {
    name: 'a variable whose value is not allowed, and one that is missing',
    yaml: `${BASE}sideboard:\n  log: {level: \${LEVEL}}\n  grpc:\n    address: \${ADDRESS}\n`.replace(
      '{level: ${LEVEL}}',
      '\n    level: ${LEVEL}',
    ),
    env: { LEVEL: 'loud' },
    says: [
      '5: sideboard.log.level: expected trace, debug, info, warn, error, fatal or silent, got text from ${LEVEL}.',
      '7: sideboard.grpc.address: the environment variable ADDRESS is not set. Set it, or give it a default: ${ADDRESS:default}.',
    ],
  },
];

const OURS: readonly BadConfig[] = [
  {
    name: 'a text for the whole of sideboard',
    yaml: `${BASE}sideboard: on\n`,
    says: ['3: sideboard: expected a mapping, got true.'],
  },
  {
    name: 'unknown and mistyped keys',
    yaml: `${BASE}sideboard:\n  gprc: {}\n  cassandra: {}\n  serving:\n    statusses: full\n`,
    says: [
      '4: sideboard.gprc: unknown setting. Did you mean grpc?',
      '5: sideboard.cassandra: unknown setting. Known here: serving, grpc, ingest, auth, admin, readiness, shutdown, breaker, retries, registry, workers, entity_key_fallback, entity_keys, definitions, log, access_log, tracing, sqlite, redis, mlforge_redis, dynamodb, mlforge_dynamodb, mysql, postgres, connector.',
      '7: sideboard.serving.statusses: unknown setting. Did you mean statuses?',
    ],
  },
  {
    name: 'explicit settings that contradict compatibility',
    yaml: `${BASE}sideboard:\n  serving:\n    compatibility: feast-python\n    statuses: full\n    ttl: null\n    entity_types: as-sent\n    stored_types: checked\n`,
    says: [
      '6: sideboard.serving.statuses: contradicts compatibility: feast-python, which means statuses: feast-python. Remove one of the two.',
      '7: sideboard.serving.ttl: contradicts compatibility: feast-python, which means ttl: ignore. Remove one of the two.',
      '9: sideboard.serving.stored_types: contradicts compatibility: feast-python, which means stored_types: as-stored. Remove one of the two.',
    ],
  },
  {
    name: 'values that are not allowed',
    yaml:
      `${BASE}sideboard:\n  serving:\n    statuses: python\n    ttl: drop\n    entity_types: strict\n    compatibility: go\n` +
      '    max_entities_per_request: 0\n    max_features_per_request: 1.5\n    plan_cache_size: "10"\n' +
      '  grpc:\n    address: 50051\n    max_message_bytes: 4MB\n    max_concurrent_streams: -1\n    default_deadline_ms: []\n' +
      '  entity_key_fallback: v1\n  log:\n    level: off\n    format: xml\n  redis: fast\n',
    says: [
      '5: sideboard.serving.statuses: expected full or feast-python, got "python".',
      '6: sideboard.serving.ttl: expected flag, null or ignore, got "drop".',
      '7: sideboard.serving.entity_types: expected coerce or as-sent, got "strict".',
      '8: sideboard.serving.compatibility: expected feast-python, got "go".',
      '9: sideboard.serving.max_entities_per_request: expected a whole number, at least 1, got 0.',
      '10: sideboard.serving.max_features_per_request: expected a whole number, at least 1, got 1.5.',
      '11: sideboard.serving.plan_cache_size: expected a whole number from 1 to 1000000, got "10". Write it without quotes.',
      '13: sideboard.grpc.address: expected HOST:PORT (an IPv6 host in brackets) or unix:/path, got 50051. Put it in quotes to make it text.',
      '14: sideboard.grpc.max_message_bytes: expected a whole number of bytes from 1024 to 2147483647, got "4MB".',
      '15: sideboard.grpc.max_concurrent_streams: expected a whole number from 1 to 1000000, got -1.',
      '16: sideboard.grpc.default_deadline_ms: expected a whole number of milliseconds from 1 to 3600000, got a list.',
      '17: sideboard.entity_key_fallback: expected v2, got "v1".',
      '19: sideboard.log.level: expected trace, debug, info, warn, error, fatal or silent, got false.',
      '20: sideboard.log.format: expected auto, json or pretty, got "xml".',
      '21: sideboard.redis: expected a mapping, got "fast".',
    ],
  },
  {
    name: 'a default deadline beyond the longest one',
    yaml: `${BASE}sideboard:\n  grpc:\n    max_deadline_ms: 1000\n`,
    says: ['4: sideboard.grpc.default_deadline_ms: 5000 ms is more than max_deadline_ms, which is 1000 ms.'],
  },
  {
    name: 'limits that the chosen server does not keep',
    yaml: `${BASE}sideboard:\n  grpc:\n    server: grpc-js\n    max_metadata_bytes: 4096\n    min_ping_interval_ms: 1000\n`,
    says: [
      '6: sideboard.grpc.max_metadata_bytes: is of no effect with server: grpc-js, which has no such limit. Remove one of the two.',
      '7: sideboard.grpc.min_ping_interval_ms: is of no effect with server: grpc-js, which has no such limit. Remove one of the two.',
    ],
  },
  {
    name: 'an age of connections that is too short to be one, and pauses that shrink',
    yaml: `${BASE}sideboard:\n  grpc:\n    max_connection_age_ms: 10\n    max_connection_idle_ms: 0\n  breaker:\n    min_open_ms: 2000\n`,
    says: [
      '5: sideboard.grpc.max_connection_age_ms: expected a whole number of milliseconds from 1000 to 604800000, or 0 for no end, got 10.',
      '8: sideboard.breaker.min_open_ms: 2000 ms is more than max_open_ms, which is 1000 ms.',
    ],
  },
  {
    name: 'an entity key without columns, and one that is made from itself',
    yaml: `${BASE}sideboard:\n  entity_keys:\n    a:\n      from_columns: []\n    b:\n      from_columns: [c, b]\n`,
    says: [
      '6: sideboard.entity_keys.a.from_columns: expected a list of one or more column names, got a list.',
      '8: sideboard.entity_keys.b.from_columns: cannot hold "b" itself: a request that sends it sends the key.',
    ],
  },
  {
    name: 'an algorithm for entity keys that nobody knows',
    yaml: `${BASE}sideboard:\n  entity_keys:\n    a:\n      from_columns: [b]\n      algorithm: md5\n`,
    says: ['7: sideboard.entity_keys.a.algorithm: expected polars-1, polars-2.0, polars-0.20 or sha256-spark.'],
  },
  {
    name: 'the algorithm of a version of polars that hashes in another way',
    yaml: `${BASE}sideboard:\n  entity_keys:\n    a:\n      from_columns: [b]\n      algorithm: polars-2.1\n`,
    says: [
      '7: sideboard.entity_keys.a.algorithm: polars hashes texts in another way since 2.1. Let callers send the join key itself, or build with polars-1, polars-2.0, polars-0.20 or sha256-spark.',
    ],
  },
  ...['host', ':50051', 'host:70000', '::1:50051', 'unix:', 'unix://', 'http://host:1', 'a b:1'].map((address) => ({
    name: `the address ${JSON.stringify(address)}`,
    yaml: `${BASE}sideboard:\n  grpc:\n    address: "${address}"\n`,
    says: [
      `5: sideboard.grpc.address: expected HOST:PORT (an IPv6 host in brackets) or unix:/path, got ${JSON.stringify(address)}.`,
    ],
  })),
];

describe('configuration errors', () => {
  const groups = {
    'broken YAML': SYNTAX,
    "Feast's settings": FEAST,
    'the environment': ENVIRONMENT,
    'our settings': OURS,
  };
  for (const [group, cases] of Object.entries(groups)) {
    describe(`of ${group}`, () => {
      for (const { name, yaml, env = {}, code, says } of cases) {
        it(`name line and key of ${name}`, () => {
          const error = configErrorOf(() => configFromYaml(yaml, env));
          assert.equal(error.describe(), says.map((line) => `feature_store.yaml:${line}`).join('\n'));
          assert.equal(error.code, code ?? (cases === SYNTAX ? 'CONFIG_SYNTAX' : 'CONFIG_INVALID'));
          assert.equal(error.violations.length, says.length);
          assert.equal(error.file, 'feature_store.yaml');
        });
      }
    });
  }

  it('say that a file is nested too deeply, or that its aliases explode', () => {
    const deep = configErrorOf(() => configFromYaml('['.repeat(100_000)));
    assert.equal(deep.code, 'CONFIG_SYNTAX');
    const levels = Array.from(
      { length: 9 },
      (_, n) => `l${n + 1}: &l${n + 1} [${Array(9).fill(`*l${n}`).join(', ')}]\n`,
    );
    const laughs = configErrorOf(() => configFromYaml(`l0: &l0 [x]\n${levels.join('')}`));
    assert.equal(
      laughs.describe(),
      'feature_store.yaml: the aliases (*name) of the file stand for far more text than a configuration has.',
    );
  });
});

describe('a section', () => {
  const schema = z.strictObject({
    connection_string: z.string(),
    key_ttl_seconds: z.int().min(1).nullish(),
    pools: z.array(z.strictObject({ size: z.int() })).default([]),
  });
  const parse = (yaml: string, env: NodeJS.ProcessEnv = {}): unknown =>
    configFromYaml(`${BASE}online_store:\n  type: redis\n${yaml}`, env).onlineStore.section.parse(schema);

  it('is validated without its type', () => {
    assert.deepEqual(parse('  connection_string: h:1\n'), { connection_string: 'h:1', pools: [] });
  });

  it('tells file, line and key of every violation', () => {
    const error = configErrorOf(() =>
      parse('  key_ttl_seconds: soon\n  pools:\n    - size: 1\n    - size: big\n      sise: 2\n'),
    );
    assert.equal(
      error.describe(),
      [
        'feature_store.yaml:3: online_store.connection_string: missing: expected text.',
        'feature_store.yaml:5: online_store.key_ttl_seconds: expected a whole number of seconds, at least 1, got "soon".',
        'feature_store.yaml:8: online_store.pools.1.size: expected a whole number, got "big".',
        'feature_store.yaml:9: online_store.pools.1.sise: unknown setting. Did you mean size?',
      ].join('\n'),
    );
  });

  it('refuses unknown keys even where its schema would drop them, and keeps them where it is loose', () => {
    const config = configFromYaml(`${BASE}sideboard:\n  redis:\n    command_timeot_ms: 5\n`);
    const section = config.section(['sideboard', 'redis']);
    const shape = { command_timeout_ms: z.int().default(1) };
    assert.equal(
      configErrorOf(() => section.parse(z.object(shape))).describe(),
      'feature_store.yaml:5: sideboard.redis.command_timeot_ms: unknown setting. Did you mean command_timeout_ms?',
    );
    assert.deepEqual(section.parse(z.looseObject(shape)), { command_timeout_ms: 1, command_timeot_ms: 5 });
  });

  it('that is not there is an empty one', () => {
    const section = configFromYaml(BASE).section(['sideboard', 'redis']);
    assert.equal(section.value, undefined);
    assert.deepEqual(section.parse(z.strictObject({ a: z.int().default(7) })), { a: 7 });
    assert.equal(
      configErrorOf(() => section.parse(z.strictObject({ a: z.int() }))).describe(),
      'feature_store.yaml:1: sideboard.redis.a: missing: expected a whole number.',
    );
  });

  it('uses the words that its schema gives for what is allowed, and the messages of its refinements', () => {
    const section = configFromYaml(`${BASE}sideboard:\n  redis: {mode: x, low: 5, high: 1}\n`).section([
      'sideboard',
      'redis',
    ]);
    const words = z.strictObject({
      mode: z.string().regex(/^y/).meta({ expected: 'a word with y' }),
      low: z.int(),
      high: z.int(),
    });
    assert.equal(
      configErrorOf(() => section.parse(words)).describe(),
      'feature_store.yaml:4: sideboard.redis.mode: expected a word with y, got "x".',
    );
    const ordered = z
      .strictObject({ mode: z.string(), low: z.int(), high: z.int() })
      .refine(({ low, high }) => low <= high, { message: 'must not be more than high', path: ['low'] });
    assert.equal(
      configErrorOf(() => section.parse(ordered)).describe(),
      'feature_store.yaml:4: sideboard.redis.low: must not be more than high.',
    );
  });

  it('asks for the variables that it needs, though the file loads without them', () => {
    const section = configFromYaml(`${BASE}feature_server:\n  host: \${HOST}\n`).featureServer;
    assert.equal(
      configErrorOf(() => section.parse(z.strictObject({ host: z.string() }))).describe(),
      'feature_store.yaml:4: feature_server.host: the environment variable HOST is not set. Set it, or give it a default: ${HOST:default}.',
    );
  });
});
