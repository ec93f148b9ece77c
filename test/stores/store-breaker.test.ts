import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { sideboardSchema } from '../../src/config/sideboard-schema.ts';
import { type BreakerChange, type BreakerSettings, StoreBreaker } from '../../src/stores/breaker/store-breaker.ts';
import { StoreError, type StoreErrorCode } from '../../src/stores/store-error.ts';
import { until } from '../support/until.ts';

describe('the circuit breaker of a store', function () {
  this.timeout(30_000);

  const settings: BreakerSettings = { failures: 5, stallMs: 300, probeTimeoutMs: 500, minOpenMs: 40, maxOpenMs: 160 };
  let answersPings: boolean;
  let pings: number;
  let pinging: number;
  let mostPinging: number;
  let changes: BreakerChange[];
  let breaker: StoreBreaker;

  function createBreaker(overrides: Partial<BreakerSettings> = {}, secretVersion?: () => number): StoreBreaker {
    return new StoreBreaker({
      ...settings,
      ...overrides,
      secretVersion,
      random: () => 1,
      onChange: (change) => changes.push(change),
      async ping({ deadline = 0 }) {
        pings++;
        mostPinging = Math.max(mostPinging, ++pinging);
        await sleep(5);
        pinging--;
        assert.ok(deadline - Date.now() <= 500);
        if (!answersPings) throw new StoreError('STORE_TIMEOUT', 'No answer.');
      },
    });
  }

  beforeEach(() => {
    answersPings = true;
    pings = 0;
    pinging = 0;
    mostPinging = 0;
    changes = [];
    breaker = createBreaker();
  });

  afterEach(() => breaker.close());

  const fail = (code: StoreErrorCode): Promise<void> =>
    assert.rejects(breaker.watch(Promise.reject(new StoreError(code, 'It failed.'))), { code });
  const failTimes = async (times: number, code: StoreErrorCode): Promise<void> => {
    for (let done = 0; done < times; done++) await fail(code);
  };
  const states = (): readonly string[] => changes.map(({ state }) => state);
  const seen = (state: string, times: number): Promise<true> =>
    until(
      () => (states().filter((each) => each === state).length >= times ? true : undefined),
      () => JSON.stringify(changes),
    );

  it('opens after so many failures in a row, and refuses at once', async () => {
    answersPings = false;
    await failTimes(4, 'STORE_UNAVAILABLE');
    assert.equal(breaker.refusal(), undefined);
    await fail('STORE_AUTH_FAILED');
    const refusal = breaker.refusal();
    assert.equal(refusal?.code, 'STORE_CIRCUIT_OPEN');
    assert.equal(refusal?.kind, 'unavailable');
    assert.match(refusal?.message ?? '', /STORE_AUTH_FAILED/);
    assert.equal(breaker.refused, 1);
    assert.deepEqual(changes, [{ state: 'open', code: 'STORE_AUTH_FAILED', probeInMs: 40 }]);
  });

  it('stays closed where a call succeeds in between', async () => {
    for (let round = 0; round < 3; round++) {
      await failTimes(4, 'STORE_UNAVAILABLE');
      assert.equal(await breaker.watch(Promise.resolve('row')), 'row');
    }
    assert.equal(breaker.state, 'closed');
  });

  it('takes an error that the store itself gave for an answer, and its own full queue for none', async () => {
    await failTimes(4, 'STORE_UNAVAILABLE');
    await fail('STORE_TABLE_MISSING');
    await failTimes(4, 'STORE_UNAVAILABLE');
    await fail('STORE_OVERLOADED');
    assert.equal(breaker.state, 'closed');
    await fail('STORE_UNAVAILABLE');
    assert.equal(breaker.state, 'open');
  });

  it('asks the store before it believes that calls ran out of time because of it', async () => {
    await failTimes(20, 'STORE_TIMEOUT');
    await until(
      () => (pings > 0 && pinging === 0 ? true : undefined),
      () => 'no ping',
    );
    assert.equal(breaker.state, 'closed');
    answersPings = false;
    await until(
      async () => {
        await fail('STORE_TIMEOUT');
        await sleep(5);
        return breaker.state === 'closed' ? undefined : true;
      },
      () => 'stays closed',
    );
    assert.equal(mostPinging, 1);
  });

  it('opens where calls wait and nothing is answered, however long they may wait', async () => {
    answersPings = false;
    const start = performance.now();
    const stopped = new AbortController();
    const waiting = breaker.watch(new Promise((resolve) => stopped.signal.addEventListener('abort', resolve)));
    await seen('open', 1);
    assert.ok(performance.now() - start < 2_000);
    assert.equal(changes[0]?.code, 'STORE_TIMEOUT');
    stopped.abort();
    await waiting;
  });

  it('opens also after the clock was set back', async () => {
    // The store is suspected once, and is there.
    await failTimes(5, 'STORE_TIMEOUT');
    await until(
      () => (pings === 1 && pinging === 0 ? true : undefined),
      () => `${pings} pings`,
    );
    const real = Date.now;
    Date.now = () => real() - 3_600_000;
    try {
      answersPings = false;
      await sleep(150);
      await failTimes(5, 'STORE_TIMEOUT');
      await seen('open', 1);
    } finally {
      Date.now = real;
    }
  });

  it('stays closed where calls take long and pings are answered, or other calls are', async () => {
    const long = breaker.watch(sleep(700));
    await long;
    assert.equal(breaker.state, 'closed');
    assert.ok(pings > 0);
    answersPings = false;
    const before = pings;
    const other = breaker.watch(sleep(700));
    for (let done = 0; done < 14; done++) await breaker.watch(sleep(50));
    await other;
    assert.equal(breaker.state, 'closed');
    assert.equal(pings, before);
  });

  it('probes one at a time, with pauses that grow to a limit', async () => {
    answersPings = false;
    await failTimes(5, 'STORE_UNAVAILABLE');
    await seen('open', 5);
    answersPings = true;
    await seen('closed', 1);
    assert.deepEqual(states().slice(0, 4), ['open', 'half-open', 'open', 'half-open']);
    const pauses = changes.filter(({ state }) => state === 'open').map(({ probeInMs }) => probeInMs);
    assert.deepEqual(pauses.slice(0, 5), [40, 80, 160, 160, 160]);
    assert.equal(mostPinging, 1);
    assert.equal(breaker.refusal(), undefined);
  });

  it('leaves half of each pause to chance', async () => {
    breaker.close();
    const options = {
      ...settings,
      ping: () => Promise.resolve(),
      onChange: (each: BreakerChange) => changes.push(each),
    };
    breaker = new StoreBreaker({ ...options, random: () => 0 });
    await failTimes(5, 'STORE_UNAVAILABLE');
    assert.equal(changes[0]?.probeInMs, 20);
  });

  it('opens again at the first failure behind a probe that was answered, until a call succeeds', async () => {
    await failTimes(5, 'STORE_UNAVAILABLE');
    await seen('closed', 1);
    await fail('STORE_UNAVAILABLE');
    assert.deepEqual(changes.at(-1), { state: 'open', code: 'STORE_UNAVAILABLE', probeInMs: 80 });
    await seen('closed', 2);
    await breaker.watch(Promise.resolve());
    await failTimes(4, 'STORE_UNAVAILABLE');
    assert.equal(breaker.state, 'closed');
    await fail('STORE_UNAVAILABLE');
    assert.equal(changes.at(-1)?.probeInMs, 40);
  });

  it('asks as soon as the store has another secret, once for each, and lets the pauses grow anew', async () => {
    breaker.close();
    answersPings = false;
    let secretVersion = 7;
    const long = { minOpenMs: 60_000, maxOpenMs: 3_600_000 };
    breaker = createBreaker(long, () => secretVersion);
    await failTimes(5, 'STORE_AUTH_FAILED');
    await sleep(250);
    assert.equal(pings, 0);
    for (const times of [2, 3, 4]) {
      secretVersion++;
      await seen('open', times);
      await sleep(250);
      assert.equal(pings, times - 1);
    }
    const pauses = changes.filter(({ state }) => state === 'open').map(({ probeInMs }) => probeInMs);
    assert.deepEqual(pauses, [60_000, 120_000, 120_000, 120_000]);
    answersPings = true;
    secretVersion++;
    await seen('closed', 1);
    assert.equal(breaker.refusal(), undefined);
    // On probation, as behind every probe.
    answersPings = false;
    await fail('STORE_AUTH_FAILED');
    assert.equal(breaker.state, 'open');
  });

  it('asks nothing while nobody calls', async () => {
    answersPings = false;
    await breaker.watch(Promise.resolve());
    await sleep(600);
    assert.equal(pings, 0);
  });

  it('has defaults by which a black hole opens it within a second', () => {
    const { breaker: defaults } = sideboardSchema.parse({});
    // At the latest: the looks of 100 ms that silence takes, one of them begun before it, and the time for the ping.
    assert.ok(defaults.stall_ms + 100 + defaults.probe_timeout_ms < 1_000);
    assert.ok(defaults.max_open_ms <= 1_000);
  });
});
