// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are configuration that refers to ${VAR}.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { loadFeatureStoreConfig } from '../../src/config/load-config.ts';
import { configFromYaml } from '../support/config-from-yaml.ts';
import { goldenPath } from '../support/golden.ts';
import { projectRoot } from '../support/project-root.ts';

const BASE = 'project: shop\nregistry: data/registry.db\n';

describe('feature_store.yaml', () => {
  const recorded = readdirSync(goldenPath(), { recursive: true, encoding: 'utf8' })
    .filter((path) => /feature_store[^/]*\.yaml$/.test(path))
    .sort();

  it('is there for every recorded project', () => {
    assert.equal(recorded.length, 47);
  });

  for (const path of recorded) {
    it(`loads as Feast left it: ${path}`, async () => {
      const file = goldenPath(path);
      const config = await loadFeatureStoreConfig(file, { env: {} });
      assert.match(config.project, /^[a-z_]+$/);
      assert.equal(config.repoPath, dirname(file));
      assert.equal(config.entityKeySerializationVersion, 3);
      assert.equal(config.registry.enableOnlineFeatureViewVersioning, config.project === 'accounts');
      assert.equal(config.registry.cacheTtlSeconds, 600);
      if (config.registry.type === 'file') assert.equal(config.registry.path, join(dirname(file), 'data/registry.db'));
      const value = config.onlineStore.section.value as { readonly type: string };
      assert.equal(config.onlineStore.type, value.type);
      assert.deepEqual(config.offlineStore.value, { type: 'file' });
    });
  }

  it('is loaded from the top of the repository', async () => {
    const config = await loadFeatureStoreConfig(join(projectRoot, 'feature_store.yaml'), { env: {} });
    assert.equal(config.onlineStore.type, 'sqlite');
  });

  it('fills in every default', () => {
    const config = configFromYaml(BASE);
    assert.deepEqual(JSON.parse(JSON.stringify(config)), {
      file: resolve('/repo/feature_store.yaml'),
      repoPath: resolve('/repo'),
      project: 'shop',
      provider: 'local',
      registry: {
        type: 'file',
        path: resolve('/repo/data/registry.db'),
        cacheTtlSeconds: 600,
        cacheMode: 'sync',
        enableOnlineFeatureViewVersioning: false,
        place: 'feature_store.yaml:2',
        section: '[section registry]',
      },
      onlineStore: { type: 'sqlite', place: 'feature_store.yaml:1', section: '[section online_store]' },
      entityKeySerializationVersion: 3,
      auth: { type: 'no_auth', section: '[section auth]' },
      offlineStore: '[section offline_store]',
      featureServer: '[section feature_server]',
      flags: '[section flags]',
      sideboard: {
        serving: {
          statuses: 'full',
          ttl: 'flag',
          entityTypes: 'coerce',
          storedTypes: 'checked',
          compatibility: 'none',
          maxEntitiesPerRequest: 10_000,
          maxFeaturesPerRequest: 5_000,
          maxValuesPerRequest: 500_000,
          maxPendingBytes: 2_097_152,
          maxInFlightCalls: 1_000,
          maxQueueAgeMs: 1_000,
          planCacheSize: 1_000,
          writes: true,
        },
        grpc: {
          address: '127.0.0.1:50051',
          socketMode: 0o660,
          insecureAllowRemote: false,
          maxMessageBytes: 4_194_304,
          server: 'net-http2',
          maxConcurrentStreams: 256,
          limits: {
            maxHeaderBytes: 65_536,
            maxConnections: 2_048,
            connectionAgeMs: 1_800_000,
            connectionAgeGraceMs: 30_000,
            connectionIdleMs: 300_000,
            keepaliveMs: 60_000,
            keepaliveTimeoutMs: 10_000,
            minPingIntervalMs: 5_000,
          },
          defaultDeadlineMs: 5_000,
          maxDeadlineMs: 60_000,
          streamIdleMs: 300_000,
          reflection: false,
        },
        admin: {},
        readiness: { store: 'startup' },
        shutdown: { waitMs: 0 },
        auth: {
          callers: 'checked',
          required: true,
          algorithms: ['RS256', 'ES256'],
          clockSkewSeconds: 30,
          reviewCacheSeconds: 60,
          serviceAccountDir: '/var/run/secrets/kubernetes.io/serviceaccount',
          default: 'allow',
        },
        breaker: {
          enabled: true,
          failures: 5,
          stallMs: 300,
          probeTimeoutMs: 500,
          minOpenMs: 100,
          maxOpenMs: 1_000,
        },
        retries: { percent: 10 },
        ingest: { maxBatchesInFlight: 4, maxPendingBytes: 33_554_432, batchTimeoutMs: 60_000 },
        registry: { timeoutMs: 30_000, maxBytes: 268_435_456 },
        workers: 1,
        entityKeyFallback: 'none',
        entityKeys: [],
        log: { level: 'info', format: 'auto' },
        accessLog: { enabled: false, sampleRatio: 0.01, slowMs: 250, maxPerSecond: 10 },
        tracing: { protocol: 'http/protobuf', sampleRatio: 1, serviceName: 'sideboard' },
      },
    });
  });

  it('cannot be changed', () => {
    const config = configFromYaml(BASE);
    for (const part of [config, config.registry, config.onlineStore, config.auth, config.sideboard.grpc]) {
      assert.ok(Object.isFrozen(part));
    }
  });

  describe('online_store', () => {
    const storeOf = (yaml: string): unknown => configFromYaml(BASE + yaml).onlineStore.section.value;

    it('is SQLite where the key is missing, or its section names no type', () => {
      assert.deepEqual(storeOf(''), { type: 'sqlite' });
      assert.deepEqual(storeOf('online_store: {}\n'), { type: 'sqlite' });
      assert.deepEqual(storeOf('online_store:\n  path: online.db\n'), { type: 'sqlite', path: 'online.db' });
    });

    it('can be a name alone, a class path of Feast, or a module and a class', () => {
      for (const type of [
        'redis',
        'feast.infra.online_stores.redis.RedisOnlineStore',
        'my_stores.lmdb.LmdbOnlineStore',
      ]) {
        assert.deepEqual(storeOf(`online_store: ${type}\n`), { type });
        assert.equal(configFromYaml(`${BASE}online_store:\n  type: ${type}\n`).onlineStore.type, type);
      }
    });
  });

  describe('registry', () => {
    const pathOf = (registry: string): string => configFromYaml(`project: shop\nregistry: ${registry}\n`).registry.path;

    it("starts relative paths from the file's folder", () => {
      assert.equal(pathOf('registry.db'), resolve('/repo/registry.db'));
      assert.equal(pathOf('../shared/registry.db'), resolve('/shared/registry.db'));
      assert.equal(pathOf('{path: ./r.db}'), resolve('/repo/r.db'));
      assert.equal(pathOf('/var/lib/registry.db'), '/var/lib/registry.db');
      assert.equal(pathOf('file:///var/lib/registry.db'), '/var/lib/registry.db');
    });

    it('leaves URLs and addresses as they are', () => {
      for (const url of ['s3://bucket/registry.db', 'gs://bucket/registry.db', 'https://host/registry.db']) {
        assert.equal(pathOf(url), url);
      }
      assert.equal(pathOf('{registry_type: sql, path: "sqlite:///data/r.db"}'), 'sqlite:///data/r.db');
      assert.equal(pathOf('{registry_type: remote, path: "localhost:6570", is_tls: true}'), 'localhost:6570');
    });

    it('takes type for registry_type, which Feast would ignore', () => {
      assert.equal(configFromYaml('project: p\nregistry: {type: sql, path: x}\n').registry.type, 'sql');
    });

    it('reads its settings', () => {
      const { registry } = configFromYaml(
        'project: p\nregistry:\n  path: r.db\n  cache_ttl_seconds: 0\n  cache_mode: thread\n  s3_additional_kwargs: {ACL: private}\n',
      );
      assert.deepEqual([registry.cacheTtlSeconds, registry.cacheMode], [0, 'thread']);
      assert.deepEqual((registry.section.value as { s3_additional_kwargs: unknown }).s3_additional_kwargs, {
        ACL: 'private',
      });
    });

    it("keeps the settings of a user's own registry store, and of Snowflake", () => {
      configFromYaml('project: p\nregistry: {path: r, registry_store_type: my.TapeRegistryStore, tape: 7}\n');
      configFromYaml('project: p\nregistry: {registry_type: snowflake.registry, account: a, database: d}\n');
    });
  });

  it('may name an authentication method, alone or in a section', () => {
    assert.equal(configFromYaml(`${BASE}auth:\n`).auth.type, 'no_auth');
    assert.equal(configFromYaml(`${BASE}auth: no_auth\n`).auth.type, 'no_auth');
    assert.equal(configFromYaml(`${BASE}auth: {type: kubernetes, anything: 1}\n`).auth.type, 'kubernetes');
    const oidc = configFromYaml(`${BASE}auth: {type: oidc, client_id: feast, auth_discovery_url: "\${URL}"}\n`).auth;
    assert.deepEqual(oidc.section.value, { type: 'oidc', client_id: 'feast', auth_discovery_url: '${URL}' });
  });

  it('keeps what it does not serve, whatever stands there', () => {
    const config = configFromYaml(
      `${BASE}offline_store: {type: spark, spark_conf: {a.b: "\${UNSET}"}}\nbatch_engine: {type: k8s}\n` +
        'feature_server: {type: mcp, enabled: true}\nflags: {alpha_features: true}\ngo_feature_serving: true\n' +
        'materialization: [1]\nx-ours: {a: 1}\n',
    );
    assert.deepEqual(config.offlineStore.value, { type: 'spark', spark_conf: { 'a.b': '${UNSET}' } });
    assert.deepEqual(config.flags.value, { alpha_features: true });
    assert.deepEqual(config.section(['x-ours', 'a']).value, 1);
    assert.equal(config.section(['x-ours', 'b', 'c']).value, undefined);
  });

  it('allows hyphens in a project name unless the store is SQLite', () => {
    assert.equal(configFromYaml('project: my-shop\nregistry: r\nonline_store: redis\n').project, 'my-shop');
    assert.equal(configFromYaml('project: köln_1\nregistry: r\n').project, 'köln_1');
  });

  it('takes values from the environment, as text, numbers or sections', () => {
    const yaml =
      'project: ${PROJECT}\nregistry: ${DIR:data}/registry.db\nonline_store: ${STORE}\nsideboard:\n  grpc: {max_message_bytes: $MAX}\n';
    const config = configFromYaml(yaml, {
      PROJECT: 'p',
      STORE: '{type: redis, connection_string: "h:1"}',
      MAX: '2048',
    });
    assert.equal(config.project, 'p');
    assert.equal(config.registry.path, resolve('/repo/data/registry.db'));
    assert.deepEqual(config.onlineStore.section.value, { type: 'redis', connection_string: 'h:1' });
    assert.equal(config.sideboard.grpc.maxMessageBytes, 2048);
  });

  it('reads process.env where no other environment is given', async () => {
    process.env.SIDEBOARD_TEST_PROJECT = 'from_process';
    try {
      const { featureStoreConfigFromText } = await import('../../src/config/feature-store-config.ts');
      const text = 'project: $SIDEBOARD_TEST_PROJECT\nregistry: r\n';
      assert.equal(featureStoreConfigFromText(text, { file: 'feature_store.yaml' }).project, 'from_process');
    } finally {
      delete process.env.SIDEBOARD_TEST_PROJECT;
    }
  });

  it('understands anchors, aliases and merge keys', () => {
    const config = configFromYaml(
      'x-redis: &redis\n  type: redis\n  connection_string: a:1\n  key_ttl_seconds: 5\n' +
        'project: &name shop\nregistry: r.db\nonline_store:\n  <<: *redis\n  connection_string: b:2\n' +
        'offline_store: *name\n',
    );
    assert.deepEqual(config.onlineStore.section.value, {
      type: 'redis',
      connection_string: 'b:2',
      key_ttl_seconds: 5,
    });
    assert.equal(config.offlineStore.value, 'shop');
  });

  it('may have Windows line ends and a byte order mark', () => {
    const config = configFromYaml('\ufeffproject: shop\r\nregistry: r.db\r\nonline_store:\r\n  type: redis\r\n');
    assert.equal(config.onlineStore.type, 'redis');
  });

  describe('sideboard', () => {
    const settings = (yaml: string) => configFromYaml(`${BASE}sideboard:\n${yaml}`).sideboard;

    it('may be empty, and so may its sections', () => {
      assert.deepEqual(settings(''), configFromYaml(BASE).sideboard);
      assert.deepEqual(settings('  serving:\n  grpc:\n  log:\n  redis:\n'), configFromYaml(BASE).sideboard);
    });

    it('reads a bare null of ttl as the word', () => {
      for (const word of ['null', '"null"', '~'])
        assert.equal(settings(`  serving: {ttl: ${word}}\n`).serving.ttl, 'null');
    });

    it('sets four answers at once with compatibility, which may be repeated but not contradicted', () => {
      const { statuses, ttl, entityTypes, storedTypes, compatibility } = settings(
        '  serving: {compatibility: feast-python, ttl: ignore}\n',
      ).serving;
      assert.deepEqual(
        { statuses, ttl, entityTypes, storedTypes, compatibility },
        {
          statuses: 'feast-python',
          ttl: 'ignore',
          entityTypes: 'as-sent',
          storedTypes: 'as-stored',
          compatibility: 'feast-python',
        },
      );
    });

    it('takes every form of address', () => {
      for (const address of [
        '0.0.0.0:0',
        '[::1]:50051',
        'localhost:65535',
        'unix:/run/s.sock',
        'unix:///run/s',
        'unix:s',
      ]) {
        assert.equal(settings(`  grpc: {address: "${address}"}\n`).grpc.address, address);
      }
    });

    it('reads who may reach the server, and by which certificates', () => {
      const tls = 'tls: {cert_file: c.pem, key_file: k.pem, client_ca_file: ca.pem, client_names: [a.b]}';
      const { grpc } = settings(`  grpc: {socket_mode: "0600", insecure_allow_remote: true, ${tls}}\n`);
      assert.equal(grpc.socketMode, 0o600);
      assert.equal(grpc.insecureAllowRemote, true);
      assert.deepEqual(grpc.tls, {
        certFile: 'c.pem',
        keyFile: 'k.pem',
        clientCaFile: 'ca.pem',
        clientNames: ['a.b'],
        minVersion: 'TLSv1.2',
      });
      const refused = [
        'socket_mode: 0660',
        'socket_mode: "0999"',
        'tls: {cert_file: c, key_file: k, client_names: [a]}',
      ];
      for (const each of [
        ...refused,
        'tls: {cert_file: c}',
        'tls: {cert_file: c, key_file: k, min_version: TLSv1.1}',
      ]) {
        assert.throws(() => settings(`  grpc: {${each}}\n`), /sideboard\.grpc/, each);
      }
    });

    it('keeps the settings of a store for the store', () => {
      const config = configFromYaml(`${BASE}sideboard: {sqlite: {timezone: Europe/Berlin}}\n`);
      assert.deepEqual(config.section(['sideboard', 'sqlite']).value, { timezone: 'Europe/Berlin' });
      assert.equal(config.section(['sideboard', 'redis']).value, undefined);
    });
  });
});
