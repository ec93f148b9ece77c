import assert from 'node:assert/strict';
import { Readiness, STORE_DOWN_AFTER, STORE_UP_AFTER } from '../../src/operations/readiness.ts';
import { StoreProbe } from '../../src/operations/store-probe.ts';
import { RegistryError } from '../../src/registry/registry-error.ts';
import type { RegistryStatus } from '../../src/registry/registry-holder.ts';
import { StoreError } from '../../src/stores/store-error.ts';

const fresh: RegistryStatus = { origin: 'source', loadedAt: 0, checkedAt: 0, failures: 0, lastError: undefined };

function times(count: number, act: () => void): void {
  for (let done = 0; done < count; done++) act();
}

describe('readiness', () => {
  it('takes a registry and a store that has answered', () => {
    const readiness = new Readiness({ store: 'startup' });
    assert.equal(readiness.isReady, false);
    readiness.storeAnswered();
    assert.equal(readiness.isReady, false);
    assert.deepEqual(readiness.report().checks.registry, { ok: false, reason: 'the process is starting' });
    readiness.registryLoaded(() => fresh);
    assert.deepEqual(readiness.report(), { ready: true, checks: { registry: { ok: true }, store: { ok: true } } });
  });

  it('ends when the process stops, for good', () => {
    const readiness = new Readiness({ store: 'startup' });
    readiness.registryLoaded(() => fresh);
    readiness.storeAnswered();
    readiness.drain();
    readiness.storeAnswered();
    assert.equal(readiness.isReady, false);
    assert.deepEqual(readiness.report().checks.process, { ok: false, reason: 'the process is stopping' });
  });

  it('is not lost with the store where it has to answer once', () => {
    const readiness = new Readiness({ store: 'startup' });
    readiness.registryLoaded(() => fresh);
    readiness.storeFailed('STORE_UNAVAILABLE');
    assert.deepEqual(readiness.report().checks.store, {
      ok: false,
      reason: 'the online store has not answered yet (STORE_UNAVAILABLE)',
    });
    readiness.storeAnswered();
    times(10, () => readiness.storeFailed('STORE_TIMEOUT'));
    assert.equal(readiness.isReady, true);
  });

  it('says that the store is away although that does not end it, until the store is back', () => {
    for (const store of ['startup', 'strict'] as const) {
      const readiness = new Readiness({ store });
      readiness.registryLoaded(() => fresh);
      readiness.storeAnswered();
      let told = 0;
      readiness.onChange(() => told++);
      times(100, () => readiness.storeAway('STORE_UNAVAILABLE'));
      assert.deepEqual(readiness.report().checks.store, {
        ok: true,
        reason: 'calls fail: the online store does not answer (STORE_UNAVAILABLE)',
      });
      assert.equal(readiness.isReady, true);
      readiness.storeAway(undefined);
      assert.deepEqual(readiness.report().checks.store, { ok: true });
      assert.equal(told, 3);
    }
  });

  it('follows the store where it is strict, but not each single ping', () => {
    const readiness = new Readiness({ store: 'strict' });
    readiness.registryLoaded(() => fresh);
    readiness.storeAnswered();
    assert.equal(readiness.isReady, true);
    times(STORE_DOWN_AFTER - 1, () => readiness.storeFailed('STORE_TIMEOUT'));
    assert.equal(readiness.isReady, true);
    assert.equal(readiness.report().checks.store?.ok, true);
    readiness.storeAnswered();
    times(STORE_DOWN_AFTER - 1, () => readiness.storeFailed('STORE_TIMEOUT'));
    assert.equal(readiness.isReady, true);
    readiness.storeFailed('STORE_TIMEOUT');
    assert.equal(readiness.isReady, false);
    assert.deepEqual(readiness.report().checks.store, {
      ok: false,
      reason: 'the online store does not answer (STORE_TIMEOUT)',
    });
    times(STORE_UP_AFTER - 1, () => readiness.storeAnswered());
    assert.equal(readiness.isReady, false);
    readiness.storeFailed('STORE_TIMEOUT');
    times(STORE_UP_AFTER, () => readiness.storeAnswered());
    assert.equal(readiness.isReady, true);
  });

  it('stays with a registry that cannot be read anew, and says how old it is', () => {
    const readiness = new Readiness({ store: 'startup', now: () => 90_000 });
    const lastError = new RegistryError('REGISTRY_UNREADABLE', 'secret path');
    readiness.registryLoaded(() => ({ ...fresh, checkedAt: 30_000, failures: 2, lastError }));
    readiness.storeAnswered();
    assert.equal(readiness.isReady, true);
    assert.deepEqual(readiness.report().checks.registry, {
      ok: true,
      reason: 'served as it was 60 s ago: its source cannot be read (REGISTRY_UNREADABLE)',
    });
  });

  it('is told at once and at every turn to whoever listens', () => {
    const readiness = new Readiness({ store: 'startup' });
    const seen: boolean[] = [];
    readiness.onChange(({ ready }) => seen.push(ready));
    readiness.registryLoaded(() => fresh);
    readiness.storeAnswered();
    readiness.drain();
    assert.deepEqual(seen, [false, false, true, false]);
  });
});

describe('the probe of the store', () => {
  for (const [policy, pings] of [
    ['startup', 3],
    ['strict', 5],
  ] as const) {
    it(`pings ${policy === 'startup' ? 'until it has answered once' : 'for as long as the process serves'}`, async () => {
      const told: string[] = [];
      let count = 0;
      let done = (): void => {};
      const enough = new Promise<void>((resolve) => {
        done = resolve;
      });
      const probe = new StoreProbe({
        policy,
        pauseMs: 1,
        async ping() {
          count++;
          if (count === pings) setTimeout(done, 20);
          if (count === 1) throw new StoreError('STORE_UNAVAILABLE', 'down');
          if (count === 2) throw new Error('unforeseen');
        },
        onAnswer: () => told.push('answer'),
        onFailure: (code) => told.push(code),
        onFirstFailure: () => told.push('first'),
      });
      await probe.start();
      await enough;
      probe.close();
      const before = count;
      assert.deepEqual(told.slice(0, 4), ['first', 'STORE_UNAVAILABLE', 'INTERNAL', 'answer']);
      if (policy === 'startup') assert.equal(count, 3);
      else assert.ok(count >= 5);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(count, before);
    });
  }
});
