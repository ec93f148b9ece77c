import assert from 'node:assert/strict';
import { breakCircuit } from '../../src/stores/breaker/break-circuit.ts';
import { StoreBreaker } from '../../src/stores/breaker/store-breaker.ts';
import type { OnlineStore, OnlineTable } from '../../src/stores/online-store.ts';
import { RetryAllowance } from '../../src/stores/retry-allowance.ts';
import { StoreError } from '../../src/stores/store-error.ts';
import { WriteBlock } from '../../src/stores/write-block.ts';

const TABLE: OnlineTable = { project: 'shop', name: 'view', joinKeys: ['id'], features: [] };

describe('a store behind the circuit breaker', () => {
  let asked: string[];
  let isAway: boolean;
  let breaker: StoreBreaker;
  let retries: RetryAllowance;
  let store: OnlineStore;

  /** A store that writes down what it is asked for, and may be away. */
  function createStore(): OnlineStore {
    const ask = async <T>(what: string, answer: T): Promise<T> => {
      asked.push(what);
      if (isAway) throw new StoreError('STORE_UNAVAILABLE', 'It is away.');
      return answer;
    };
    return {
      capabilities: {
        readMany: true,
        ttl: false,
        directWrite: true,
        keepsNewest: false,
        blockWrites: true,
        feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
      },
      update: () => ask('update', undefined),
      teardown: () => ask('teardown', undefined),
      onlineWriteBatch: () => ask('onlineWriteBatch', undefined),
      writeBlock: () => ask('writeBlock', undefined),
      onlineRead: () => ask('onlineRead', []),
      readMany: () => ask('readMany', undefined),
      ping: () => ask('ping', undefined),
      close: () => ask('close', undefined),
    };
  }

  beforeEach(() => {
    asked = [];
    isAway = false;
    const opened = createStore();
    const times = { stallMs: 60_000, probeTimeoutMs: 500, minOpenMs: 60_000, maxOpenMs: 60_000 };
    breaker = new StoreBreaker({ failures: 2, ...times, ping: (call) => opened.ping(call) });
    retries = new RetryAllowance(50);
    store = breakCircuit(opened, breaker, retries);
  });

  afterEach(() => breaker.close());

  const calls = (): readonly (() => Promise<unknown>)[] => [
    () => store.onlineRead(TABLE, []),
    () => store.readMany?.([]) ?? Promise.reject(new Error('it reads no tables together')),
    () => store.onlineWriteBatch(TABLE, []),
    () => store.writeBlock?.(TABLE, new WriteBlock([], 1)) ?? Promise.reject(new Error('it takes no blocks')),
  ];

  it('is asked for everything while the breaker is closed, and every call earns a share of a repeat', async () => {
    for (const call of calls()) await call();
    assert.deepEqual(asked, ['onlineRead', 'readMany', 'onlineWriteBatch', 'writeBlock']);
    // One to begin with, and half a one for each of four calls.
    for (let granted = 0; granted < 3; granted++) assert.equal(await retries.granted(undefined), true);
    assert.equal(await retries.granted(undefined), false);
  });

  it('is not asked to read or write while the breaker is open', async () => {
    isAway = true;
    for (let failed = 0; failed < 2; failed++) {
      await assert.rejects(store.onlineRead(TABLE, []), { code: 'STORE_UNAVAILABLE' });
    }
    asked = [];
    for (const call of calls()) await assert.rejects(call(), { code: 'STORE_CIRCUIT_OPEN' });
    assert.deepEqual(asked, []);
    assert.equal(breaker.refused, 4);
  });

  it('can always be pinged, changed and closed', async () => {
    isAway = true;
    await assert.rejects(store.onlineRead(TABLE, []));
    await assert.rejects(store.onlineRead(TABLE, []));
    isAway = false;
    asked = [];
    await store.ping();
    await store.update({
      tablesToKeep: [],
      tablesToDelete: [],
      entitiesToKeep: [],
      entitiesToDelete: [],
      partial: true,
    });
    await store.teardown([], []);
    await store.close();
    assert.deepEqual(asked, ['ping', 'update', 'teardown', 'close']);
  });

  it('can do what the store can, and nothing else', () => {
    assert.equal(store.beginLoad, undefined);
    assert.equal(store.connections, undefined);
    assert.equal(store.capabilities.blockWrites, true);
  });
});
