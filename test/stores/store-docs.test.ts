import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import {
  MlforgeRedisOnlineStoreConfig,
  MlforgeRedisOnlineStoreSettings,
} from '../../src/stores/mlforge-redis/mlforge-redis-online-store.ts';
import { RedisOnlineStoreConfig, RedisOnlineStoreSettings } from '../../src/stores/redis/redis-config.ts';
import { SqliteOnlineStoreConfig, SqliteOnlineStoreSettings } from '../../src/stores/sqlite/sqlite-online-store.ts';
import { projectRoot } from '../support/project-root.ts';

const pages: readonly (readonly [string, readonly z.ZodObject[]])[] = [
  ['mlforge-redis', [MlforgeRedisOnlineStoreConfig, MlforgeRedisOnlineStoreSettings]],
  ['redis', [RedisOnlineStoreConfig, RedisOnlineStoreSettings]],
  ['sqlite', [SqliteOnlineStoreConfig, SqliteOnlineStoreSettings]],
];

describe("the stores' pages", () => {
  for (const [name, schemas] of pages) {
    it(`of ${name} names every key of its configuration with its default`, () => {
      const page = readFileSync(join(projectRoot, 'docs', 'reference', 'stores', `${name}.md`), 'utf8');
      for (const schema of schemas) {
        const defaults = schema.parse({}) as Record<string, unknown>;
        for (const key of Object.keys(schema.shape)) {
          const documented = new RegExp(`^\\| \`${key}\` \\| (?:\`(.+?)\`|none) \\|`, 'm').exec(page);
          assert.ok(documented, `${key} has no line in a table`);
          // The connection string is parsed: its default is compared where that is tested.
          const value = key === 'connection_string' ? 'localhost:6379' : defaults[key];
          assert.equal(documented[1], value === undefined || value === null ? undefined : String(value), key);
        }
      }
    });
  }
});
