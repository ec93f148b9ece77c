import assert from 'node:assert/strict';
import { noCounters, type ServerCounters } from '../../src/operations/server-counters.ts';
import { WorkerCounters } from '../../src/operations/worker-counters.ts';

const PATH = '/feast.serving.ServingService/GetOnlineFeatures';

function counted(calls: number, failures = 0): ServerCounters {
  return { ...noCounters, methods: { [PATH]: { calls, failures } }, plansCompiled: 1 };
}

describe('WorkerCounters', () => {
  let counters: WorkerCounters;

  beforeEach(() => {
    counters = new WorkerCounters();
  });

  /** A worker that says at once how many calls it has counted, or nothing. */
  function worker(calls: () => number | undefined) {
    const self = {
      askForCounters() {
        const now = calls();
        if (now !== undefined) counters.record(self, counted(now));
      },
    };
    return self;
  }

  it('sums what the workers say when they are asked', async () => {
    let calls = 1;
    const workers = [worker(() => calls), worker(() => 10 * calls)];
    assert.deepEqual(await counters.collect(workers, 1_000), { ...counted(11), plansCompiled: 2 });
    calls = 2;
    assert.deepEqual((await counters.collect(workers, 1_000)).methods[PATH], { calls: 22, failures: 0 });
  });

  it('keeps what a worker said last when it has ended', async () => {
    const ended = worker(() => 5);
    await counters.collect([ended], 1_000);
    counters.retire(ended);
    assert.equal((await counters.collect([worker(() => 3)], 1_000)).methods[PATH]?.calls, 8);
  });

  it('waits no longer than it was told, and takes what a silent worker said last', async () => {
    let calls: number | undefined = 5;
    const silent = worker(() => calls);
    await counters.collect([silent], 1_000);
    calls = undefined;
    const total = await counters.collect([silent, worker(() => 1)], 20);
    assert.equal(total.methods[PATH]?.calls, 6);
  });

  it('does not wait for a worker that ends', async () => {
    const silent = worker(() => undefined);
    const collected = counters.collect([silent], 60_000);
    counters.retire(silent);
    assert.deepEqual(await collected, noCounters);
  });
});
