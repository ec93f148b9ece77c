import assert from 'node:assert/strict';
import type { OnlineStore } from '../../src/stores/online-store.ts';
import { StoreError, storeErrors } from '../../src/stores/store-error.ts';
import { guardUserStore } from '../../src/stores/user-store-guard.ts';
import { WriteBlock } from '../../src/stores/write-block.ts';

const hangs = () => new Promise<never>(() => {});

/** A user's store that never answers and never looks at the clock. */
const hanging: OnlineStore = {
  capabilities: {
    readMany: true,
    ttl: false,
    directWrite: true,
    keepsNewest: false,
    blockWrites: true,
    atomicLoads: true,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  },
  update: hangs,
  teardown: hangs,
  onlineWriteBatch: hangs,
  onlineRead: hangs,
  writeBlock: hangs,
  beginLoad: hangs,
  readMany: hangs,
  ping: hangs,
  close: async () => {},
};

const table = { project: 'p', name: 'v', joinKeys: ['id'], features: [] };
const block = new WriteBlock([], 0);
const change = { tablesToKeep: [], tablesToDelete: [], entitiesToKeep: [], entitiesToDelete: [], partial: true };

describe("a user's store that hangs", () => {
  const store = guardUserStore(hanging, 'their.OnlineStore');
  const calls: Readonly<Record<string, (options: { deadline?: number; signal?: AbortSignal }) => Promise<unknown>>> = {
    update: (options) => store.update(change, options),
    teardown: (options) => store.teardown([], [], options),
    onlineWriteBatch: (options) => store.onlineWriteBatch(table, [], undefined, options),
    onlineRead: (options) => store.onlineRead(table, [], undefined, options),
    writeBlock: (options) => store.writeBlock?.(table, block, options) ?? Promise.resolve(),
    beginLoad: (options) => store.beginLoad?.(table, options) ?? Promise.resolve(),
    readMany: (options) => store.readMany?.([], options) ?? Promise.resolve(),
    ping: (options) => store.ping(options),
  };
  for (const [name, call] of Object.entries(calls)) {
    it(`lets ${name} go at the deadline, at once when it has passed, and when the caller leaves`, async () => {
      await assert.rejects(call({ deadline: Date.now() + 20 }), { code: 'STORE_TIMEOUT' });
      await assert.rejects(call({ deadline: Date.now() - 1 }), { code: 'STORE_TIMEOUT' });
      await assert.rejects(call({ signal: AbortSignal.abort() }), { code: 'STORE_TIMEOUT' });
    });
  }

  it('has the abilities that it had, and no others', () => {
    assert.equal(store.listTables, undefined);
    assert.equal(store.capabilities, hanging.capabilities);
  });
});

describe("a user's store that fails", () => {
  const failing = (error: unknown): OnlineStore =>
    guardUserStore({ ...hanging, ping: () => Promise.reject(error) }, 'x.XStore');

  it('keeps its StoreErrors as they are', async () => {
    const error = new StoreError('STORE_UNAVAILABLE', 'gone');
    await assert.rejects(failing(error).ping(), (caught) => caught === error);
  });

  it('may have its StoreErrors from another copy of Sideboard', async () => {
    const foreign = Object.assign(new Error('gone'), { code: 'STORE_UNAVAILABLE', hint: 'Start it.' });
    await assert.rejects(failing(foreign).ping(), (caught) => {
      assert.ok(caught instanceof StoreError);
      assert.deepEqual([caught.code, caught.kind], ['STORE_UNAVAILABLE', storeErrors.STORE_UNAVAILABLE.kind]);
      assert.equal(caught.describe(), 'gone Start it.');
      return caught.cause === foreign;
    });
  });

  it('gets a code for any other error, whose text goes to the log alone', async () => {
    for (const error of [
      new TypeError('password hunter2'),
      Object.assign(new Error('hunter2'), { code: 'ECONNREFUSED' }),
      7,
    ]) {
      await assert.rejects(failing(error).ping(), (caught) => {
        assert.ok(caught instanceof StoreError);
        assert.equal(caught.code, 'STORE_FAILED');
        assert.doesNotMatch(caught.describe(), /hunter2/);
        return caught.cause === error;
      });
    }
  });

  it('fails where it throws instead of returning a promise', async () => {
    const store = guardUserStore({ ...hanging, ping: () => assert.fail('at once') }, 'x.XStore');
    await assert.rejects(store.ping({ deadline: Date.now() + 1000 }), { code: 'STORE_FAILED' });
  });
});

describe("a user's store that reads", () => {
  const keys = [{}, {}] as unknown as Parameters<OnlineStore['onlineRead']>[1];
  const row = { eventTimestamp: { seconds: 1, nanos: 0 }, values: new Map([['f', new Uint8Array([1])]]) };
  const reading = (rows: unknown): Promise<unknown> =>
    guardUserStore({ ...hanging, onlineRead: async () => rows as never }, 'x.XStore').onlineRead(table, keys);

  it('gives one entry per key', async () => {
    assert.deepEqual(await reading([row, undefined]), [row, undefined]);
    for (const rows of [undefined, null, {}, [], [row], [row, row, row]]) {
      await assert.rejects(reading(rows), { code: 'STORE_FAILED', message: /asked for 2 rows/ });
    }
  });

  it('gives rows with a time and encoded values', async () => {
    for (const wrong of [
      null,
      {},
      { ...row, eventTimestamp: new Date() },
      { ...row, eventTimestamp: { seconds: 1.5, nanos: 0 } },
      { ...row, values: { f: new Uint8Array() } },
      { ...row, values: new Map([['f', 'text']]) },
    ]) {
      await assert.rejects(reading([undefined, wrong]), { code: 'STORE_CORRUPT', message: /^Row 1 / });
    }
  });
});

describe("a load of a user's store", () => {
  const load = { write: hangs, commit: hangs, abort: async () => {} };
  const beginning = (begin: () => Promise<unknown>): OnlineStore =>
    guardUserStore({ ...hanging, beginLoad: begin as NonNullable<OnlineStore['beginLoad']> }, 'x.XStore');

  it('lets its writes and its commit go at the deadline', async () => {
    const begun = await beginning(async () => load).beginLoad?.(table);
    await assert.rejects(async () => begun?.write(block, { deadline: Date.now() + 20 }), { code: 'STORE_TIMEOUT' });
    await assert.rejects(async () => begun?.commit({ deadline: Date.now() + 20 }), { code: 'STORE_TIMEOUT' });
  });

  it('fails with StoreErrors only', async () => {
    const fails = () => Promise.reject(new TypeError('hunter2'));
    const begun = await beginning(async () => ({ write: fails, commit: fails, abort: fails })).beginLoad?.(table);
    for (const call of [() => begun?.write(block), () => begun?.commit(), () => begun?.abort()]) {
      await assert.rejects(async () => call(), { code: 'STORE_FAILED' });
    }
    for (const wrong of [undefined, null, {}, { ...load, abort: undefined }]) {
      await assert.rejects(async () => beginning(async () => wrong).beginLoad?.(table), {
        code: 'STORE_FAILED',
        message: /is not a load/,
      });
    }
  });

  it('is aborted where it begins when its caller has left', async () => {
    let begin = (_load: unknown): void => {};
    const begun = new Promise<unknown>((resolve) => {
      begin = resolve;
    });
    let aborted = (): void => {};
    const isAborted = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    const store = beginning(() => begun);
    await assert.rejects(async () => store.beginLoad?.(table, { deadline: Date.now() + 20 }), {
      code: 'STORE_TIMEOUT',
    });
    begin({ ...load, abort: async () => aborted() });
    await isAborted;
  });
});

describe("a read of a user's store whose connection breaks", () => {
  const broken = (code: string): Error => Object.assign(new Error('read failed'), { code });
  const createReading = (failures: readonly Error[], answers: readonly boolean[]) => {
    let attempts = 0;
    const onlineRead = async () => {
      const failure = failures[attempts++];
      if (failure !== undefined) throw failure;
      return [undefined];
    };
    const asked: boolean[] = [];
    const retries = {
      async granted() {
        const answer = answers[asked.length] ?? false;
        asked.push(answer);
        return answer;
      },
    };
    const store = guardUserStore({ ...hanging, onlineRead }, 'x.XStore', retries);
    return {
      read: () => store.onlineRead(table, [{}] as unknown as Parameters<OnlineStore['onlineRead']>[1]),
      attempts: () => attempts,
      asked,
    };
  };

  it('is done again once, where that is granted', async () => {
    const lost = new StoreError('STORE_UNAVAILABLE', 'It went away.', { cause: broken('ECONNRESET') });
    const once = createReading([lost], [true]);
    assert.deepEqual(await once.read(), [undefined]);
    assert.equal(once.attempts(), 2);
    const twice = createReading([lost, lost, lost], [true, true]);
    await assert.rejects(twice.read(), { code: 'STORE_UNAVAILABLE' });
    assert.equal(twice.attempts(), 2);
  });

  it('is not done again where it is not granted, or where the store itself failed', async () => {
    const denied = createReading([broken('EPIPE')], [false]);
    await assert.rejects(denied.read());
    assert.equal(denied.attempts(), 1);
    const failed = createReading([broken('ER_NO_SUCH_TABLE')], [true]);
    await assert.rejects(failed.read());
    assert.deepEqual(failed.asked, []);
  });
});

describe("the pool of a user's store", () => {
  it('is shown where there is one', () => {
    const pool = { inUse: 1, idle: 2, connecting: 0, waiting: 3 };
    assert.deepEqual(guardUserStore({ ...hanging, connections: () => pool }, 'x.XStore').connections?.(), pool);
    assert.equal(guardUserStore(hanging, 'x.XStore').connections, undefined);
  });
});
