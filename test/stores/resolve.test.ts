import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { OnlineStore } from '../../src/stores/online-store.ts';
import { ResolutionError, type ResolutionErrorCode } from '../../src/stores/resolution-error.ts';
import { resolveOnlineStore } from '../../src/stores/resolve.ts';
import { storeSettingsKey } from '../../src/stores/store-types.ts';
import { plainSection } from '../support/plain-section.ts';
import { projectRoot } from '../support/project-root.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const COMPLETE = `
import { z } from 'zod';
export const FineOnlineStoreConfig = z.strictObject({ path: z.string().default('x') });
export class FineOnlineStore {
  capabilities = {
    readMany: false, ttl: false, directWrite: true, keepsNewest: false,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  };
  constructor(config, context) { this.seen = { config, project: context.project }; }
  async update() {}
  async teardown() {}
  async onlineWriteBatch() {}
  async onlineRead() { return []; }
  async listTables() { return [this.seen]; }
  async ping() {}
  async close() {}
}
`;

describe('resolveOnlineStore', () => {
  const folder = useTempFolder();

  const resolve = (type: string, value: unknown = type): Promise<OnlineStore> =>
    resolveOnlineStore({
      type,
      section: plainSection(value),
      context: { project: 'p', repoPath: folder(), warn: () => {} },
    });

  const put = (path: string, text: string): void => {
    const file = join(folder(), path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    linkZod();
  };

  const linkZod = (): void => {
    const modules = join(folder(), 'node_modules');
    mkdirSync(modules, { recursive: true });
    try {
      symlinkSync(join(projectRoot, 'node_modules', 'zod'), join(modules, 'zod'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  };

  const refuses = async (type: string, code: ResolutionErrorCode, says: RegExp): Promise<void> => {
    await assert.rejects(resolve(type), (error: unknown) => {
      assert.ok(error instanceof ResolutionError, String(error));
      assert.equal(error.code, code);
      assert.match(error.describe(), says);
      return true;
    });
  };

  for (const [type, Store] of [
    ['sqlite', 'SqliteOnlineStore'],
    ['feast.infra.online_stores.sqlite.SqliteOnlineStore', 'SqliteOnlineStore'],
    ['redis', 'RedisOnlineStore'],
    ['feast.infra.online_stores.redis.RedisOnlineStore', 'RedisOnlineStore'],
    ['mlforge_redis', 'MlforgeRedisOnlineStore'],
  ] as const) {
    it(`makes a ${Store} from ${type}, alone or with keys beside it`, async () => {
      assert.equal((await resolve(type)).constructor.name, Store);
      assert.equal((await resolve(type, { type })).constructor.name, Store);
    });
  }

  for (const type of ['dynamodb', 'feast.infra.online_stores.dynamodb.DynamoDBOnlineStore']) {
    it(`makes a DynamoDBOnlineStore from ${type}, which needs a region`, async () => {
      assert.equal((await resolve(type, { type, region: 'us-east-1' })).constructor.name, 'DynamoDBOnlineStore');
      await assert.rejects(resolve(type, { type }), /region/);
    });
  }

  it('hands the settings below sideboard to the store that has some', async () => {
    assert.equal(storeSettingsKey('feast.infra.online_stores.redis.RedisOnlineStore'), 'redis');
    assert.equal(storeSettingsKey('mine.FineOnlineStore'), undefined);
    const settings = plainSection({ timezone: 'Not/AZone' }, ['sideboard', 'sqlite']);
    const context = { project: 'p', repoPath: folder(), warn: () => {} };
    const call = resolveOnlineStore({ type: 'sqlite', section: plainSection('sqlite'), settings, context });
    await assert.rejects(call, /timezone/);
  });

  it('finds a class in a module beside feature_store.yaml', async () => {
    put('my_stores/fine.js', COMPLETE);
    put('package.json', '{ "type": "module" }');
    const store = await resolve('my_stores.fine.FineOnlineStore', { type: 'x', path: 'there' });
    assert.deepEqual(await store.listTables?.('p'), [{ config: { path: 'there' }, project: 'p' }]);
  });

  it('finds a class in a .mjs file and in the index of a folder', async () => {
    put('one.mjs', COMPLETE);
    put('two/index.mjs', COMPLETE);
    await resolve('one.FineOnlineStore');
    await resolve('two.FineOnlineStore');
  });

  it('finds a class in an installed package', async () => {
    put('node_modules/their_stores/package.json', '{ "name": "their_stores", "type": "module", "main": "main.js" }');
    put('node_modules/their_stores/main.js', COMPLETE);
    put('node_modules/their_stores/more/fine.js', COMPLETE);
    await resolve('their_stores.FineOnlineStore');
    await resolve('their_stores.more.fine.FineOnlineStore');
  });

  it('says what is served when Feast knows the type and this version does not', async () => {
    for (const type of ['cassandra', 'feast.infra.online_stores.bigtable.BigtableOnlineStore', 'snowflake.online']) {
      await refuses(type, 'STORE_TYPE_NOT_SERVED', /Served are sqlite, redis/);
    }
  });

  it('refuses a word that is not a type', async () => {
    await refuses('rediss', 'STORE_TYPE_INVALID', /"rediss" is not known.*sqlite, redis/);
    await refuses('..evil.FineOnlineStore', 'STORE_TYPE_INVALID', /not known/);
  });

  it('refuses a class whose name does not end in OnlineStore', async () => {
    await refuses('my_stores.fine.Fine', 'STORE_CLASS_MISNAMED', /does not end in OnlineStore/);
  });

  it('says where it looked for a missing module', async () => {
    await refuses('my_stores.none.FineOnlineStore', 'STORE_MODULE_MISSING', /my_stores\/none/);
  });

  it('says why a module does not load', async () => {
    put('broken.mjs', 'export class {');
    await refuses('broken.FineOnlineStore', 'STORE_MODULE_FAILED', /SyntaxError/);
  });

  it('says what to install for a module that needs a package', async () => {
    put('needy.mjs', "import 'sideboard-stores-of-nobody/part';");
    await refuses('needy.FineOnlineStore', 'STORE_MODULE_FAILED', /npm install sideboard-stores-of-nobody"/);
    put('lost.mjs', "import './nowhere.mjs';");
    await refuses('lost.FineOnlineStore', 'STORE_MODULE_FAILED', /nowhere\.mjs/);
  });

  it('names what a module exports instead of the class', async () => {
    put('other.mjs', 'export class OtherOnlineStore {}');
    await refuses('other.FineOnlineStore', 'STORE_CLASS_MISSING', /exports: OtherOnlineStore/);
  });

  it('misses the config schema', async () => {
    put('bare.mjs', 'export class FineOnlineStore {}');
    await refuses('bare.FineOnlineStore', 'STORE_CONFIG_MISSING', /FineOnlineStoreConfig/);
  });

  it('tells a schema of zod 3 from one that it can explain settings by', async () => {
    put('older.mjs', 'export class FineOnlineStore {}\nexport const FineOnlineStoreConfig = { safeParse() {} };');
    await refuses('older.FineOnlineStore', 'STORE_CONFIG_MISSING', /zod 4/);
  });

  it('names every missing method', async () => {
    put('partial.mjs', COMPLETE.replace('async ping() {}', '').replace('async onlineRead() { return []; }', ''));
    await refuses('partial.FineOnlineStore', 'STORE_METHOD_MISSING', /onlineRead, ping/);
  });

  for (const [flag, method] of [
    ['readMany', 'readMany'],
    ['blockWrites', 'writeBlock'],
    ['atomicLoads', 'beginLoad'],
  ] as const) {
    it(`holds ${method} to the capabilities, both ways`, async () => {
      const declared = `${flag}: true, directWrite: true`;
      const without = COMPLETE.replace('readMany: false, ', flag === 'readMany' ? '' : 'readMany: false, ');
      put('declared.mjs', without.replace('directWrite: true', declared));
      await refuses('declared.FineOnlineStore', 'STORE_METHOD_MISSING', new RegExp(`${flag} and has no .* ${method}`));
      const withMethod = (text: string): string =>
        text.replace('async ping() {}', `async ping() {} async ${method}() {}`);
      put('undeclared.mjs', withMethod(COMPLETE));
      await refuses(
        'undeclared.FineOnlineStore',
        'STORE_CAPABILITIES_INVALID',
        new RegExp(`method ${method} and .*${flag} is not true`),
      );
      put('both.mjs', withMethod(without.replace('directWrite: true', declared)));
      assert.equal(typeof (await resolve('both.FineOnlineStore'))[method], 'function');
    });
  }

  it('names a capability that is missing or no flag', async () => {
    put('without.mjs', COMPLETE.replace('capabilities', 'abilities'));
    await refuses('without.FineOnlineStore', 'STORE_CAPABILITIES_INVALID', /missing/);
    put('wordy.mjs', COMPLETE.replace('ttl: false', "ttl: 'no'"));
    await refuses('wordy.FineOnlineStore', 'STORE_CAPABILITIES_INVALID', /ttl/);
    for (const flag of ['newestOnly', 'blockWrites', 'atomicLoads', 'keyOrderLoads', 'eventTimes']) {
      put(`${flag}.mjs`, COMPLETE.replace('ttl: false', `ttl: false, ${flag}: 'no'`));
      await refuses(`${flag}.FineOnlineStore`, 'STORE_CAPABILITIES_INVALID', new RegExp(`${flag} is neither`));
    }
  });

  it("reports an error of the class's constructor", async () => {
    put('angry.mjs', COMPLETE.replace('this.seen =', "throw new Error('no thanks'); this.seen ="));
    await refuses('angry.FineOnlineStore', 'STORE_CLASS_FAILED', /no thanks/);
  });
});
