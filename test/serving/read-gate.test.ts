import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ReadGate } from '../../src/serving/read-gate.ts';
import { ServingError } from '../../src/serving/serving-error.ts';
import { oldSpaceGrowth } from '../support/old-space.ts';

const LIMIT = 6400;
const SMALL = 100;
/** What `max_pending_bytes` and `max_queue_age_ms` set. */
const LIMITS = { bytes: LIMIT, maxAgeMs: 60_000 };

const late = (error: unknown): boolean => error instanceof ServingError && error.code === 'DEADLINE_EXCEEDED';

/** Notes who was let in, in order. */
class Guests {
  readonly inside: string[] = [];
  readonly #gate: ReadGate;

  constructor(gate: ReadGate) {
    this.#gate = gate;
  }

  enter(name: string, bytes: number): void {
    const turn = this.#gate.enter(bytes, {});
    if (turn === undefined) this.inside.push(name);
    else turn.then(() => this.inside.push(name));
  }
}

const settled = () => new Promise(setImmediate);

describe('the gate before reads', () => {
  it('lets requests in at once while they fit, and the others in the order in which they came', async () => {
    const gate = new ReadGate(LIMITS);
    const guests = new Guests(gate);
    guests.enter('a', 4000);
    guests.enter('b', 2400);
    guests.enter('c', 3000);
    // Would fit, but came later.
    guests.enter('d', 200);
    assert.deepEqual(guests.inside, ['a', 'b']);
    assert.equal(gate.delayed, 2);
    gate.leave(2400);
    await settled();
    assert.deepEqual(guests.inside, ['a', 'b']);
    gate.leave(4000);
    await settled();
    assert.deepEqual(guests.inside, ['a', 'b', 'c', 'd']);
  });

  it('never lets a small request wait for a large one, nor a large one for small ones', async () => {
    const gate = new ReadGate(LIMITS);
    const guests = new Guests(gate);
    guests.enter('large', LIMIT);
    guests.enter('waits', LIMIT);
    for (let n = 0; n < LIMIT / SMALL; n++) guests.enter('small', SMALL);
    assert.equal(guests.inside.length, 1 + LIMIT / SMALL);
    guests.enter('one too many', SMALL);
    assert.equal(gate.delayed, 2);
    gate.leave(LIMIT);
    await settled();
    assert.equal(guests.inside.at(-1), 'waits');
    gate.leave(SMALL);
    await settled();
    assert.equal(guests.inside.at(-1), 'one too many');
  });

  it('lets a request that is larger than the limit run by itself', async () => {
    const gate = new ReadGate(LIMITS);
    const guests = new Guests(gate);
    guests.enter('a', 200);
    guests.enter('huge', LIMIT * 10);
    guests.enter('b', 200);
    assert.deepEqual(guests.inside, ['a']);
    gate.leave(200);
    await settled();
    assert.deepEqual(guests.inside, ['a', 'huge']);
    gate.leave(LIMIT * 10);
    await settled();
    assert.deepEqual(guests.inside, ['a', 'huge', 'b']);
  });

  it('gives up for callers whose deadline passes or who go away, and lets those behind them in', async () => {
    const gate = new ReadGate(LIMITS);
    assert.equal(gate.enter(LIMIT - 1000, {}), undefined);
    const leaving = { cancelled: false };
    const aborted = new AbortController();
    const gone = [
      gate.enter(LIMIT, { deadline: Date.now() + 30 }),
      gate.enter(LIMIT, leaving),
      gate.enter(LIMIT, { signal: aborted.signal }),
    ].map((turn) => assert.rejects(turn ?? Promise.resolve(), late));
    const patient = gate.enter(1000, { deadline: Date.now() + 60_000 });
    leaving.cancelled = true;
    aborted.abort();
    await Promise.all(gone);
    await patient;
    assert.equal(gate.delayed, 4);
  });

  it('stays within its limit in both queues and lets everybody in, whatever comes and goes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 3000 }), { minLength: 1, maxLength: 60 }), async (sizes) => {
        const gate = new ReadGate(LIMITS);
        const inside: number[] = [];
        const sum = (small: boolean) =>
          inside.filter((bytes) => bytes <= SMALL === small).reduce((total, bytes) => total + bytes, 0);
        await Promise.all(
          sizes.map(async (bytes) => {
            await gate.enter(bytes, {});
            inside.push(bytes);
            assert.ok(sum(true) <= LIMIT && sum(false) <= LIMIT);
            if (bytes % 3 !== 0) await settled();
            inside.splice(inside.indexOf(bytes), 1);
            gate.leave(bytes);
          }),
        );
        assert.deepEqual(inside, []);
        // Nothing is left counted.
        assert.equal(gate.enter(LIMIT, {}), undefined);
      }),
      { numRuns: 50 },
    );
  });

  it('lets nobody wait longer than is allowed', async () => {
    const gate = new ReadGate({ ...LIMITS, maxAgeMs: 30 });
    assert.equal(gate.enter(LIMIT, {}), undefined);
    const started = performance.now();
    await assert.rejects(gate.enter(LIMIT, { deadline: Date.now() + 60_000 }) ?? Promise.resolve(), {
      code: 'QUEUED_TOO_LONG',
      kind: 'resource_exhausted',
    });
    assert.ok(performance.now() - started >= 30);
    gate.leave(LIMIT);
    assert.equal(gate.enter(LIMIT, {}), undefined);
    gate.leave(LIMIT);
  });

  it('lets nobody wait while reading is of no use', async () => {
    let refusal: Error | undefined;
    const gate = new ReadGate({ ...LIMITS, refusal: () => refusal });
    assert.equal(gate.enter(LIMIT, {}), undefined);
    const waiting = gate.enter(LIMIT, {}) ?? Promise.resolve();
    refusal = new ServingError('DEADLINE_EXCEEDED', 'Nobody is there.');
    await assert.rejects(waiting, refusal);
    gate.leave(LIMIT);
  });

  it('lets requests that have left be collected with young objects, also behind a full collection', async () => {
    const grown = await oldSpaceGrowth(new URL('./gate-with-load.ts', import.meta.url));
    assert.ok(grown < 3_000_000, `${grown} bytes more in the old space`);
  });
});
