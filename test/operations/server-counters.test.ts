import assert from 'node:assert/strict';
import { addCounters, CallCounters, counterTotals, noCounters } from '../../src/operations/server-counters.ts';

describe('CallCounters', () => {
  it('counts the calls of each method, and how many of them failed', async () => {
    const counters = new CallCounters();
    const [echo] = counters.counted([
      { path: '/a.B/Echo', handle: (message) => message },
      { path: '/a.B/Idle', handle: (message) => message },
    ]);
    const message = Buffer.from('x');
    assert.ok(echo !== undefined && 'handle' in echo);
    assert.equal(await echo.handle(message, {}), message);
    await echo.handle(message, {});
    counters.failed('/a.B/Echo');
    counters.failed(undefined);
    assert.deepEqual(counters.current(), {
      methods: { '/a.B/Echo': { calls: 2, failures: 1 }, '/a.B/Idle': { calls: 0, failures: 0 } },
      strayCalls: 1,
    });
  });
});

describe('counters of servers', () => {
  const some = {
    methods: { a: { calls: 3, failures: 1 } },
    strayCalls: 2,
    olderKeyHits: 5,
    plansCompiled: 1,
    delayedReads: 4,
    metrics: { sideboard_processes: [1] },
  };

  it('add up, method by method', () => {
    const others = { methods: { a: { calls: 1, failures: 0 }, b: { calls: 9, failures: 9 } }, strayCalls: 0 };
    assert.deepEqual(addCounters(some, { ...noCounters, ...others }), {
      methods: { a: { calls: 4, failures: 1 }, b: { calls: 9, failures: 9 } },
      strayCalls: 2,
      olderKeyHits: 5,
      plansCompiled: 1,
      delayedReads: 4,
      metrics: { sideboard_processes: [1] },
    });
  });

  it('count a call of no method as one that failed', () => {
    assert.deepEqual(counterTotals(some), {
      calls: 5,
      failures: 3,
      olderKeyHits: 5,
      plansCompiled: 1,
      delayedReads: 4,
    });
  });
});
