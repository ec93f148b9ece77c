import assert from 'node:assert/strict';
import { withBoundedCalls } from '../../src/stores/bounded-store.ts';
import type { OnlineStore } from '../../src/stores/online-store.ts';

const hangs = () => new Promise<never>(() => {});

/** A user's store that never answers and never looks at the clock. */
const hanging: OnlineStore = {
  capabilities: {
    readMany: true,
    ttl: false,
    directWrite: true,
    keepsNewest: false,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  },
  update: hangs,
  teardown: hangs,
  onlineWriteBatch: hangs,
  onlineRead: hangs,
  readMany: hangs,
  ping: hangs,
  close: async () => {},
};

const table = { project: 'p', name: 'v', joinKeys: ['id'], features: [] };
const change = { tablesToKeep: [], tablesToDelete: [], entitiesToKeep: [], entitiesToDelete: [], partial: true };

describe("a user's store that hangs", () => {
  const store = withBoundedCalls(hanging, 'waiting for the store');
  const calls: Readonly<Record<string, (options: { deadline?: number; signal?: AbortSignal }) => Promise<unknown>>> = {
    update: (options) => store.update(change, options),
    teardown: (options) => store.teardown([], [], options),
    onlineWriteBatch: (options) => store.onlineWriteBatch(table, [], undefined, options),
    onlineRead: (options) => store.onlineRead(table, [], undefined, options),
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
