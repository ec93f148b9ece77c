import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { ConnectionDealer } from '../../src/operations/connection-dealer.ts';
import { Supervisor } from '../../src/operations/supervisor.ts';
import { WorkerCounters } from '../../src/operations/worker-counters.ts';
import { eventually } from '../support/http2-server-under-test.ts';
import { createLogLines } from '../support/log-lines.ts';

/** Serves, says that it is ready, answers; and does nothing any more once it is told to leave. */
const WORKER = `
  const tell = (report) => process.send(report);
  process.on('message', ({ order }) => {
    if (order === 'answer') tell({ report: 'here' });
    else if (order === 'retreat') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    else if (order === 'stop') process.exit(0);
  });
  tell({ report: 'ready', summary: 'serves' });
  tell({ report: 'readiness', readiness: { ready: true, checks: {} } });
`;

describe('the supervisor of workers', function () {
  this.timeout(30_000);

  it('counts out a worker that hangs, kills it, and replaces it', async () => {
    const { log, lines } = createLogLines();
    const children: ChildProcess[] = [];
    const supervisor = new Supervisor({
      workers: 2,
      dealer: new ConnectionDealer(),
      counters: new WorkerCounters(),
      log,
      lookMs: 200,
      start() {
        const child = spawn(process.execPath, ['-e', WORKER], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
        children.push(child);
        return child;
      },
    });
    const isReady = (number: number) => supervisor.readiness().workers[number]?.ready;
    try {
      await supervisor.start();
      await eventually(
        () => isReady(1) === true && isReady(2) === true,
        () => JSON.stringify(supervisor.readiness()),
        20_000,
      );
      const before = supervisor.processIds();
      children[0]?.send({ order: 'retreat' });
      await eventually(
        () => isReady(1) === false,
        () => JSON.stringify(supervisor.readiness()),
        20_000,
      );
      assert.deepEqual(supervisor.readiness().workers[1]?.checks.process, {
        ok: false,
        reason: 'the worker does not answer',
      });
      await eventually(
        () => isReady(1) === true && isReady(2) === true,
        () => JSON.stringify(supervisor.readiness()),
        20_000,
      );
      const after = supervisor.processIds();
      assert.notEqual(after[1], before[1]);
      assert.equal(after[2], before[2], 'a worker that answered was replaced too');
      assert.deepEqual(
        lines.filter(({ worker }) => worker === 1).map(({ worker, msg, signal }) => ({ worker, msg, signal })),
        [
          { worker: 1, msg: 'a worker does not answer', signal: undefined },
          { worker: 1, msg: 'a worker does not answer any more: killing it', signal: undefined },
          { worker: 1, msg: 'a worker has ended and is replaced', signal: 'SIGKILL' },
        ],
      );
      assert.equal(await supervisor.stop('SIGTERM', 5_000), true);
    } finally {
      for (const child of children) child.kill('SIGKILL');
    }
  });
});
