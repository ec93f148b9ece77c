import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import {
  ConnectorOnlineStoreConfig,
  ConnectorOnlineStoreSettings,
} from '../../src/stores/connector/connector-config.ts';
import { DynamoDBOnlineStoreConfig, DynamoDBOnlineStoreSettings } from '../../src/stores/dynamodb/dynamodb-config.ts';
import {
  MlforgeDynamodbOnlineStoreConfig,
  MlforgeDynamodbOnlineStoreSettings,
} from '../../src/stores/mlforge-dynamodb/mlforge-dynamodb-online-store.ts';
import {
  MlforgeRedisOnlineStoreConfig,
  MlforgeRedisOnlineStoreSettings,
} from '../../src/stores/mlforge-redis/mlforge-redis-online-store.ts';
import { MySQLOnlineStoreConfig, MySQLOnlineStoreSettings } from '../../src/stores/mysql/mysql-config.ts';
import {
  PostgreSQLOnlineStoreConfig,
  PostgreSQLOnlineStoreSettings,
} from '../../src/stores/postgres/postgres-config.ts';
import { RedisOnlineStoreConfig, RedisOnlineStoreSettings } from '../../src/stores/redis/redis-config.ts';
import { SqliteOnlineStoreConfig, SqliteOnlineStoreSettings } from '../../src/stores/sqlite/sqlite-online-store.ts';
import { projectRoot } from '../support/project-root.ts';

/** What has no default, by page, and what is parsed into something else. */
const requiredKeys: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  connector: { address: '127.0.0.1:50061' },
  dynamodb: { region: 'eu-central-1' },
  postgres: { host: 'localhost', database: 'feast', user: 'feast', password: 'feast' },
  'mlforge-dynamodb': { table_name: 'features' },
};
const parsed: Readonly<Record<string, string>> = {
  connection_string: 'localhost:6379',
  table_name_template: '{project}.{table_name}',
};

const pages: readonly (readonly [string, readonly z.ZodObject[]])[] = [
  ['connector', [ConnectorOnlineStoreConfig, ConnectorOnlineStoreSettings]],
  ['dynamodb', [DynamoDBOnlineStoreConfig, DynamoDBOnlineStoreSettings]],
  ['mlforge-dynamodb', [MlforgeDynamodbOnlineStoreConfig, MlforgeDynamodbOnlineStoreSettings]],
  ['mlforge-redis', [MlforgeRedisOnlineStoreConfig, MlforgeRedisOnlineStoreSettings]],
  ['mysql', [MySQLOnlineStoreConfig, MySQLOnlineStoreSettings]],
  ['postgres', [PostgreSQLOnlineStoreConfig, PostgreSQLOnlineStoreSettings]],
  ['redis', [RedisOnlineStoreConfig, RedisOnlineStoreSettings]],
  ['sqlite', [SqliteOnlineStoreConfig, SqliteOnlineStoreSettings]],
];

/** Stores whose servers are put through faults. */
const certified = ['dynamodb', 'mysql', 'postgres', 'redis'];

describe("the stores' pages", () => {
  for (const [name] of pages) {
    it(`of ${name} says how rows are stored, how far the store is, and on what it was tested`, () => {
      const page = readPage(name);
      for (const heading of ['Configuration', 'Data model']) assert.match(page, new RegExp(`^## ${heading}$`, 'm'));
      assert.match(page, /\b[Ss]tate(:| of this store is) (stable|alpha)\b/);
      assert.match(page, /\b([Tt]ested|[Cc]ertified) [^.]*\b[A-Z]\w+ \d+/);
      if (!certified.includes(name)) return;
      assert.match(page, /^## (Credentials and p|P)ermissions$/m);
      assert.match(page, /^## (Certification|What was certified)$/m);
      for (const fault of [/killed/, /SIGSTOP/, /slow/i, /cut/, /wrong/]) assert.match(page, fault);
    });
  }

  for (const [name, schemas] of pages) {
    it(`of ${name} names every key of its configuration with its default`, () => {
      const page = readPage(name);
      const required = requiredKeys[name] ?? {};
      for (const schema of schemas) {
        const given = Object.entries(required).filter(([key]) => key in schema.shape);
        const defaults = schema.parse(Object.fromEntries(given)) as Record<string, unknown>;
        for (const key of Object.keys(schema.shape)) {
          const documented = new RegExp(`^\\| \`${key}\` \\| (?:\`(.+?)\`|none|(required)) \\|`, 'm').exec(page);
          assert.ok(documented, `${key} has no line in a table`);
          assert.equal(documented[2] !== undefined, key in required, key);
          if (key in required) continue;
          const value = parsed[key] ?? defaults[key];
          assert.equal(documented[1], value === undefined || value === null ? undefined : String(value), key);
        }
      }
    });
  }
});

function readPage(name: string): string {
  return readFileSync(join(projectRoot, 'docs', 'reference', 'stores', `${name}.md`), 'utf8');
}
