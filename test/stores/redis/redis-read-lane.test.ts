import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { CallOptions } from '../../../src/stores/online-store.ts';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../../src/stores/redis/redis-online-store.ts';
import { countOpenResources, type OpenResources } from '../../support/open-resources.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { type RespServer, startRespServer } from '../../support/resp-server.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { type SlicingProxy, startSlicingProxy } from '../../support/slicing-proxy.ts';
import { succeedsWithin } from '../../support/store-load.ts';
import { storeErrorOf } from '../../support/store-rows.ts';
import { assertTold, someReads, tellingRow, tellingTable, wholeReads } from '../../support/telling-rows.ts';
import { until } from '../../support/until.ts';

const STORED = 40;
const VERSIONS = { stored: STORED, oldest: 1, newest: 1 };
const PASSWORD = 'sesame-4711';
const BACK_WITHIN_MS = 3000;
const table = tellingTable('stats', 6);

describe('the connection on which Redis is read', () => {
  let server: RedisServer;
  let store: RedisOnlineStore;
  let faulty: RespServer | undefined;
  let proxy: SlicingProxy | undefined;

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  beforeEach(async () => {
    await server.client.flushall();
    open();
    const rows = Array.from({ length: STORED }, (_, entity) => tellingRow(table, entity, 1));
    await store.onlineWriteBatch(table, rows);
    await readOne(1);
  });

  afterEach(async () => {
    server.resume();
    await store.close();
    await faulty?.close();
    await proxy?.close();
    faulty = undefined;
    proxy = undefined;
  });

  const open = (settings: object = {}, port = server.port, parameters = ''): RedisOnlineStore => {
    const config = RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${port}${parameters}` });
    const context = { project: 'p', repoPath: '/', warn: () => {} };
    store = new RedisOnlineStore(config, context, RedisOnlineStoreSettings.parse(settings));
    return store;
  };

  const reopen = async (settings: object): Promise<void> => {
    await store.close();
    open(settings);
    await readOne(1);
  };

  const readAll = async (entities: readonly number[], call?: CallOptions): Promise<void> => {
    const reads = wholeReads([table], entities);
    await store.readMany(reads, call);
    assertTold(reads, entities, VERSIONS);
  };

  const readOne = (entity: number, call?: CallOptions): Promise<void> => readAll([entity], call);

  /** Numbers of the connections that the server has, without the test's own. */
  const connections = async (): Promise<string[]> => {
    const own = String(await server.client.call('CLIENT', 'ID'));
    const list = String(await server.client.call('CLIENT', 'LIST', 'TYPE', 'normal'));
    return [...list.matchAll(/^id=(\d+)/gm)].map(([, id = '']) => id).filter((id) => id !== own);
  };

  describe('with an error among the replies', () => {
    it('refuses the request whose key is not a hash, and no other, and stays', async () => {
      const before = await connections();
      const bad = 7;
      const key = await keyOf(bad);
      await server.client.del(key);
      await server.client.set(key, 'no hash');
      const random = createSeededRandom(1);
      for (let round = 0; round < 10; round++) {
        const reading = Array.from({ length: 30 }, async () => {
          const entities = Array.from({ length: 1 + random(6) }, () => random(STORED + 3));
          const reads = someReads([table], entities, random);
          if (entities.includes(bad)) return storeErrorOf(store.readMany(reads), 'STORE_WRONG_LAYOUT');
          await store.readMany(reads);
          return assertTold(reads, entities, VERSIONS);
        });
        await Promise.all(reading);
      }
      assert.deepEqual(await connections(), before);
    });

    it('refuses a row whose time is none, and no other, and stays', async () => {
      const before = await connections();
      await server.client.hset(await keyOf(3), '_ts:stats', 'noon');
      for (let round = 0; round < 5; round++) {
        await Promise.all([
          readOne(2),
          storeErrorOf(readAll([1, 3, 2]), 'STORE_CORRUPT'),
          readAll([4, 5, 2]),
          readOne(STORED + 1),
        ]);
      }
      assert.deepEqual(await connections(), before);
    });

    const keyOf = async (entity: number): Promise<Buffer> => {
      for (const key of await server.client.keysBuffer('*')) {
        // An int64 value stands in front of the project's name.
        if (key.readUInt32LE(key.length - 9) === entity) return key;
      }
      throw new Error(`no key of entity ${entity}`);
    };
  });

  describe('with callers that stop waiting', () => {
    it('keeps in step when replies come too late, and gives them to nobody else', async () => {
      const before = await connections();
      const random = createSeededRandom(2);
      for (let round = 0; round < 5; round++) {
        server.pause();
        const call = { deadline: Date.now() + 30 };
        const late = Array.from({ length: 20 }, () => {
          const entities = Array.from({ length: 1 + random(6) }, () => random(STORED + 3));
          return storeErrorOf(store.readMany(someReads([table], entities, random), call), 'STORE_TIMEOUT');
        });
        const patient = Array.from({ length: 20 }, (_, entity) => readAll([entity, STORED + entity, entity + 1]));
        await Promise.all(late);
        server.resume();
        await Promise.all(patient);
      }
      assert.deepEqual(await connections(), before);
    });

    it('ends a read as soon as its caller goes away', async () => {
      server.pause();
      const caller = new AbortController();
      const reading = storeErrorOf(readOne(1, { signal: caller.signal }), 'STORE_TIMEOUT');
      const started = Date.now();
      caller.abort();
      assert.match((await reading).message, /caller went away/);
      assert.ok(Date.now() - started < 200);
      server.resume();
      await readOne(2);
    });

    it('asks for nothing once the deadline has passed', async () => {
      const asked = async (): Promise<string> =>
        /cmdstat_hmget:calls=\d+/.exec(await server.client.info('all'))?.[0] ?? '';
      const before = await asked();
      await storeErrorOf(readOne(1, { deadline: Date.now() - 1 }), 'STORE_TIMEOUT');
      await storeErrorOf(readOne(1, { signal: AbortSignal.abort() }), 'STORE_TIMEOUT');
      assert.equal(await asked(), before);
    });
  });

  describe('with a server that is silent', () => {
    it('is given up, with all that waits, and made again', async () => {
      await reopen({ command_timeout_ms: 150 });
      const before = await connections();
      server.pause();
      const reading = Array.from({ length: 10 }, (_, entity) => storeErrorOf(readOne(entity), 'STORE_TIMEOUT'));
      const errors = await Promise.all(reading);
      assert.match(errors[0]?.message ?? '', /No answer within 150 ms/);
      server.resume();
      await succeedsWithin(BACK_WITHIN_MS, () => readOne(1));
      const after = await connections();
      assert.equal(after.length, before.length);
      assert.notDeepEqual(after, before);
    });

    it('is not taken for silent when it was this process that stood still', async () => {
      await reopen({ command_timeout_ms: 100 });
      for (let round = 0; round < 3; round++) {
        const reading = Promise.all(Array.from({ length: 10 }, (_, entity) => readOne(entity)));
        await nextTurn();
        const goOnAt = Date.now() + 250;
        while (Date.now() < goOnAt);
        await reading;
      }
    });
  });

  describe('that is full', () => {
    it('counts rows until they are answered, whoever still waits for them', async () => {
      await reopen({ max_in_flight_commands: 10 });
      for (let round = 0; round < 3; round++) {
        server.pause();
        const late = storeErrorOf(readAll([1, 2, 3, 4, 5, 6, 7], { deadline: Date.now() + 20 }), 'STORE_TIMEOUT');
        const patient = readAll([8, 9, 10]);
        const error = await storeErrorOf(readOne(11), 'STORE_OVERLOADED');
        assert.match(error.describe(), /10 commands are unanswered.*max_in_flight_commands/);
        await late;
        await storeErrorOf(readOne(11), 'STORE_OVERLOADED');
        server.resume();
        await patient;
        await readAll([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      }
    });

    it('has room again on a new connection after one was lost with reads under way', async () => {
      await reopen({ max_in_flight_commands: 10, command_timeout_ms: 150 });
      for (let round = 0; round < 3; round++) {
        server.pause();
        await storeErrorOf(readAll([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), 'STORE_TIMEOUT');
        server.resume();
        await succeedsWithin(BACK_WITHIN_MS, () => readAll([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
      }
    });
  });

  describe('that is closed', () => {
    it('ends reads under way at once, even of a server that does not answer', async () => {
      server.pause();
      const reading = Array.from({ length: 10 }, (_, entity) => storeErrorOf(readOne(entity), 'STORE_CLOSED'));
      await nextTurn();
      const started = Date.now();
      await store.close();
      await Promise.all(reading);
      assert.ok(Date.now() - started < 100);
    });

    it('opens nothing again for the rest of a read', async () => {
      await reopen({ max_pipeline_keys: 2 });
      const entities = Array.from({ length: STORED }, (_, entity) => entity);
      const reading = storeErrorOf(readAll(entities), 'STORE_CLOSED');
      await nextTurn();
      await store.close();
      await reading;
      await sleep(50);
      assert.deepEqual(await connections(), []);
    });

    it('ends reads that wait for it to be made again', async () => {
      for (let round = 0; round < 5; round++) {
        await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        // The first read finds out, and waits for the next attempt.
        const reading = [readOne(1), readOne(2)].map((read) =>
          read.then(
            () => 'read',
            (error: { code: string }) => error.code,
          ),
        );
        await nextTurn();
        const started = Date.now();
        await store.close();
        for (const outcome of await Promise.all(reading)) {
          assert.ok(
            outcome === undefined || outcome === 'STORE_CLOSED' || outcome === 'STORE_UNAVAILABLE',
            String(outcome),
          );
        }
        assert.ok(Date.now() - started < 500);
        open();
        await readOne(1);
      }
    });

    it('leaves no timer and no socket behind', async () => {
      await store.close();
      await settled();
      const before = countOpenResources();
      open();
      await readOne(1);
      server.pause();
      const reading = storeErrorOf(readOne(1), 'STORE_CLOSED');
      await nextTurn();
      await store.close();
      await reading;
      await settled();
      assertNoMoreThan(before);
    });
  });

  it('leaves nothing behind after fifty losses under load', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning);
    process.on('warning', onWarning);
    await store.close();
    proxy = await startSlicingProxy({ targetPort: server.port, pieceBytes: () => 500 });
    open({ reconnect_max_delay_ms: 10 }, proxy.port);
    await readOne(1);
    await store.ping();
    await settled();
    const before = countOpenResources();
    const open0 = (await connections()).length;
    let running = true;
    let served = 0;
    const clients = Array.from({ length: 10 }, async () => {
      while (running) {
        await readAll([1, STORED, 2]).then(
          () => served++,
          (error: { code?: string }) => assert.equal(error.code, 'STORE_UNAVAILABLE'),
        );
        await nextTurn();
      }
    });
    for (let flap = 1; flap <= 50; flap++) {
      await sleep(10);
      await until(
        () => (served > flap ? true : undefined),
        () => `${served} served after ${flap} losses`,
      );
      proxy.cutAll();
    }
    running = false;
    await Promise.all(clients);
    await succeedsWithin(BACK_WITHIN_MS, () => readOne(1));
    await succeedsWithin(BACK_WITHIN_MS, () => store.ping());
    await settled();
    assertNoMoreThan(before);
    assert.equal((await connections()).length, open0);
    process.removeListener('warning', onWarning);
    assert.deepEqual(warnings, []);
  });

  describe('that is not let in', () => {
    it('serves as soon as the server has loaded its data', async () => {
      await store.close();
      let loading = true;
      faulty = await startRespServer((command) => {
        if (command[0]?.toLowerCase() === 'auth') return '+OK\r\n';
        if (loading) return '-LOADING Redis is loading the dataset in memory\r\n';
        return `*${command.length - 2}\r\n${'$-1\r\n'.repeat(command.length - 2)}`;
      });
      open({}, faulty.port, `,password=${PASSWORD}`);
      const reads = wholeReads([table], [STORED]);
      await storeErrorOf(store.readMany(reads), 'STORE_UNAVAILABLE');
      loading = false;
      await store.readMany(reads);
      assertTold(reads, [STORED], VERSIONS);
    });

    it('follows a password that changes, and comes back when it is the old one again', async () => {
      const guarded = await startRedisServer({ args: ['--requirepass', PASSWORD], client: { password: PASSWORD } });
      await store.close();
      open({ reconnect_max_delay_ms: 50 }, guarded.port, `,password=${PASSWORD}`);
      await store.onlineWriteBatch(table, [tellingRow(table, 1, 1)]);
      await readOne(1);
      await guarded.client.config('SET', 'requirepass', 'another');
      // Who is in stays in.
      await readOne(1);
      await guarded.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      const error = await storeErrorOf(readOne(1), 'STORE_AUTH_FAILED');
      assert.match(error.message, /refused the username or password/);
      await storeErrorOf(readOne(1), 'STORE_AUTH_FAILED');
      await guarded.client.config('SET', 'requirepass', PASSWORD);
      await succeedsWithin(BACK_WITHIN_MS, () => readOne(1));
      await store.close();
      await guarded.remove();
    });

    // Redis refuses commands of more than ten words before it looks at them, and hangs up; with shorter ones it does not.
    for (const features of [6, 20]) {
      it(`says to all callers that the password is missing, and takes it once it is there (${features} features)`, async () => {
        const guarded = await startRedisServer({ args: ['--requirepass', PASSWORD], client: { password: PASSWORD } });
        try {
          const file = join(guarded.folder, 'password');
          writeFileSync(file, PASSWORD);
          await store.close();
          open({ reconnect_max_delay_ms: 50, password_file: file }, guarded.port);
          const wide = tellingTable('wide', features);
          const entities = Array.from({ length: 10 }, (_, entity) => entity);
          await store.onlineWriteBatch(
            wide,
            entities.map((entity) => tellingRow(wide, entity, 1)),
          );
          const read = async (): Promise<void> => {
            const reads = wholeReads([wide], entities);
            await store.readMany(reads);
            assertTold(reads, entities, VERSIONS);
          };
          await read();
          writeFileSync(file, '');
          await guarded.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
          // Of a pipeline that the server resets, what it said may be lost; then it is known.
          await storeErrorOf(read(), 'STORE_AUTH_FAILED');
          for (let round = 0; round < 3; round++) {
            const calls = Array.from({ length: 20 }, () => storeErrorOf(read(), 'STORE_AUTH_FAILED'));
            for (const { message } of await Promise.all(calls)) assert.match(message, /asks for a password/);
          }
          writeFileSync(file, PASSWORD);
          await succeedsWithin(BACK_WITHIN_MS, read);
        } finally {
          await store.close();
          await guarded.remove();
        }
      });
    }
  });
});

function assertNoMoreThan(before: OpenResources): void {
  const { sockets, timers } = countOpenResources();
  assert.ok(sockets <= before.sockets, `${sockets} sockets, ${before.sockets} before`);
  assert.ok(timers <= before.timers, `${timers} timers, ${before.timers} before`);
}

/** Until what was closed is closed. */
async function settled(): Promise<void> {
  await sleep(60);
}
