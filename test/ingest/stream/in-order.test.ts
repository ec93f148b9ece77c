import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { inOrder } from '../../../src/ingest/stream/in-order.ts';
import { PendingBytes } from '../../../src/ingest/stream/pending-bytes.ts';

async function* numbers(count: number): AsyncGenerator<number> {
  for (let n = 1; n <= count; n++) yield n;
}

describe('inOrder', () => {
  it('works on several at a time, and finishes them in their order', async () => {
    let underway = 0;
    let most = 0;
    const finished: number[] = [];
    await inOrder(numbers(20), {
      atOnce: 4,
      async begin(n) {
        underway++;
        most = Math.max(most, underway);
        await sleep(n % 4 === 1 ? 10 : 1);
        underway--;
        return n * 10;
      },
      finish(result, n) {
        assert.equal(result, n * 10);
        finished.push(n);
      },
    });
    assert.equal(most, 4);
    assert.deepEqual(
      finished,
      Array.from({ length: 20 }, (_, at) => at + 1),
    );
  });

  it('asks for no more while finishing is slow', async () => {
    let asked = 0;
    const source = async function* () {
      for (;;) {
        asked++;
        yield asked;
      }
    };
    const work = inOrder(source(), {
      atOnce: 3,
      begin: async (n) => n,
      async finish(n) {
        await sleep(20);
        if (n === 2) throw new Error('enough');
      },
    });
    await assert.rejects(work, /enough/);
    assert.ok(asked <= 6, `${asked} were asked for`);
  });

  it('fails with the first failure by order, behind what comes before it, when nothing is under way any more', async () => {
    const finished: number[] = [];
    let underway = 0;
    const work = inOrder(numbers(10), {
      atOnce: 5,
      async begin(n) {
        underway++;
        await sleep(n === 3 ? 20 : 5 * n);
        underway--;
        if (n >= 3) throw new Error(`failed at ${n}`);
        return n;
      },
      finish: (n) => {
        finished.push(n);
      },
    });
    await assert.rejects(work, /failed at 3/);
    assert.deepEqual(finished, [1, 2]);
    assert.equal(underway, 0);
  });

  it('fails although no further input comes', async () => {
    const silent = async function* () {
      yield 1;
      await new Promise(() => {});
    };
    const work = inOrder(silent(), { atOnce: 3, begin: () => Promise.reject(new Error('no')), finish() {} });
    await assert.rejects(work, /no/);
  });

  it('finishes what it has before it fails with its source', async () => {
    const finished: number[] = [];
    const source = async function* () {
      yield 1;
      yield 2;
      throw new Error('the source is broken');
    };
    const work = inOrder(source(), {
      atOnce: 3,
      async begin(n) {
        await sleep(5);
        return n;
      },
      finish: (n) => {
        finished.push(n);
      },
    });
    await assert.rejects(work, /the source is broken/);
    assert.deepEqual(finished, [1, 2]);
  });
});

describe('PendingBytes', () => {
  it('lets in what there is room for, in turn, and anything where nothing is', async () => {
    const pending = new PendingBytes(100);
    const entered: string[] = [];
    const enter = async (name: string, bytes: number): Promise<void> => {
      await pending.enter(bytes);
      entered.push(name);
    };
    await enter('huge', 1_000);
    const all = [enter('a', 60), enter('b', 60), enter('c', 10)];
    await sleep(1);
    assert.deepEqual(entered, ['huge']);
    assert.deepEqual([pending.bytes, pending.waiting], [1_000, 3]);
    pending.leave(1_000);
    await sleep(1);
    assert.deepEqual(entered, ['huge', 'a'], 'c waits behind b');
    pending.leave(60);
    await Promise.all(all);
    assert.deepEqual(entered, ['huge', 'a', 'b', 'c']);
    assert.deepEqual([pending.bytes, pending.waiting], [70, 0]);
  });
});
