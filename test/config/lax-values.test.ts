import assert from 'node:assert/strict';
import { z } from 'zod';
import { ConfigError } from '../../src/config/config-error.ts';
import {
  fileRegistrySchema,
  oidcAuthSchema,
  remoteRegistrySchema,
  sqlRegistrySchema,
} from '../../src/config/feast-schema.ts';
import { laxBoolean, laxInt } from '../../src/config/lax-values.ts';
import { DynamoDBOnlineStoreConfig } from '../../src/stores/dynamodb/dynamodb-config.ts';
import { MySQLOnlineStoreConfig } from '../../src/stores/mysql/mysql-config.ts';
import { PostgreSQLOnlineStoreConfig } from '../../src/stores/postgres/postgres-config.ts';
import { RedisOnlineStoreConfig } from '../../src/stores/redis/redis-config.ts';
import { SqliteOnlineStoreConfig } from '../../src/stores/sqlite/sqlite-online-store.ts';
import { configErrorOf, configFromYaml } from '../support/config-from-yaml.ts';
import { requireFeast } from '../support/feast-session.ts';
import {
  type FeastSetting,
  fileWithSetting,
  recordedSettings,
  sampleEnvironment,
  settingsReadByFeast,
} from '../support/feast-settings.ts';

const storeSchemas: Readonly<Record<string, z.ZodType<object>>> = {
  sqlite: SqliteOnlineStoreConfig,
  redis: RedisOnlineStoreConfig,
  mysql: MySQLOnlineStoreConfig,
  postgres: PostgreSQLOnlineStoreConfig,
  dynamodb: DynamoDBOnlineStoreConfig,
};

const registrySchemas: Readonly<Record<string, z.ZodType<object>>> = {
  sql: sqlRegistrySchema,
  remote: remoteRegistrySchema,
};

/** What Sideboard reads in a sample, or `refused`. */
function readBySideboard(setting: FeastSetting): unknown {
  try {
    const config = configFromYaml(fileWithSetting(setting), sampleEnvironment);
    const { registry_type: registryType, type } = setting.others;
    switch (setting.section) {
      case '':
        return config.entityKeySerializationVersion;
      case 'registry':
        return valueIn(
          config.registry.section.parse(registrySchemas[String(registryType)] ?? fileRegistrySchema),
          setting,
        );
      case 'auth':
        return valueIn(config.auth.section.parse(oidcAuthSchema.omit({ type: true })), setting);
      case 'online_store':
        return valueIn(config.onlineStore.section.parse(storeSchemas[String(type)] ?? z.strictObject({})), setting);
    }
  } catch (error) {
    if (error instanceof ConfigError) return 'refused';
    throw error;
  }
}

function valueIn(parsed: object, { key }: FeastSetting): unknown {
  return Object.entries(parsed).find(([name]) => name === key)?.[1];
}

describe('numbers and flags of Feast in feature_store.yaml', () => {
  const recorded = recordedSettings();
  const places = new Set(recorded.map(({ section, others, key }) => `${others.type ?? section} ${key}`.trim()));

  for (const place of places) {
    it(`are read as Feast reads them: ${place}`, () => {
      const samples = recorded.filter(
        ({ section, others, key }) => `${others.type ?? section} ${key}`.trim() === place,
      );
      assert.deepEqual(
        samples.map((sample) => ({ text: sample.text, value: readBySideboard(sample) })),
        samples.map(({ text, feast }) => ({ text, value: feast })),
      );
    });
  }

  it('are recorded as the installed Feast reads them', async function () {
    this.timeout(180_000);
    await requireFeast(this);
    assert.deepEqual(await settingsReadByFeast(recorded), recorded);
  });
});

describe('the errors of a number or a flag that may be text', () => {
  const schema = z.strictObject({
    port: laxInt(z.int().min(1).max(65_535)).default(5432),
    timeout_seconds: laxInt(z.int().min(1)).nullish(),
    tls: laxBoolean().default(false),
  });

  const messageOf = (settings: string, env: NodeJS.ProcessEnv = {}): string => {
    const config = configFromYaml(`project: shop\nregistry: r.db\nonline_store:\n  type: own.Store\n${settings}`, env);
    return configErrorOf(() => config.onlineStore.section.parse(schema)).describe();
  };

  it('name what is allowed, the line and the key, and say nothing of quotes', () => {
    const message = messageOf('  port: "54x"\n  timeout_seconds: "0"\n  tls: "maybe"\n');
    assert.match(message, /:5: online_store\.port: expected a whole number from 1 to 65535, got "54x"\./);
    assert.match(
      message,
      /:6: online_store\.timeout_seconds: expected a whole number of seconds, at least 1, got "0"\./,
    );
    assert.match(message, /:7: online_store\.tls: expected true or false, got "maybe"\./);
    assert.doesNotMatch(message, /quotes/);
  });

  it('do not show what came out of a variable', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: configuration that refers to a variable.
    const message = messageOf('  port: "${DB_PORT}"\n', { DB_PORT: 'tcp://10.0.0.1:5432' });
    assert.match(
      message,
      /:5: online_store\.port: expected a whole number from 1 to 65535, got text from \$\{DB_PORT\}\./,
    );
  });
});
