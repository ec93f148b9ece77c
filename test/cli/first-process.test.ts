import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { endBySignals, type SignalledProcess } from '../../src/cli/first-process.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { programCommand } from '../support/sideboard-process.ts';
import { skipBecause } from '../support/skip-because.ts';

/** A process with a number, and how it was ended. */
class FakeProcess extends EventEmitter {
  readonly pid: number;
  readonly codes: unknown[] = [];

  constructor(pid: number) {
    super();
    this.pid = pid;
    endBySignals(this as unknown as SignalledProcess);
  }

  exit(code: unknown): void {
    this.codes.push(code);
  }
}

describe('the first process of a container', function () {
  this.timeout(60_000);

  it('ends by a signal that nobody handles, and leaves one that somebody handles to them', () => {
    const first = new FakeProcess(1);
    first.once('SIGTERM', () => first.codes.push('handled'));
    first.emit('SIGTERM');
    first.emit('SIGTERM');
    first.emit('SIGINT');
    assert.deepEqual(first.codes, ['handled', 143, 130]);
  });

  it('alone is treated so: others are ended by the system', () => {
    assert.deepEqual(new FakeProcess(2).eventNames(), []);
  });

  it('ends by a SIGTERM that comes while it starts', async function () {
    const namespace = ['--pid', '--fork', '--kill-child'];
    if (spawnSync('unshare', [...namespace, 'true']).status !== 0) skipBecause(this, 'no namespace of processes here');
    const repo = createSqliteRepo('simple');
    const args = ['serve', '--repo', repo.path, '--grpc-address', '127.0.0.1:0', '--admin-address', 'off'];
    const outside = spawn('unshare', [...namespace, ...programCommand(), ...args], { stdio: 'ignore' });
    try {
      const ended = once(outside, 'exit');
      // What comes before Node has begun is lost whatever the program does.
      const signals = (async () => {
        while (outside.exitCode === null) {
          terminate(childOf(outside));
          await sleep(20);
        }
      })();
      assert.deepEqual(await ended, [143, null]);
      await signals;
    } finally {
      outside.kill('SIGKILL');
      repo.remove();
    }
  });
});

function terminate(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    // It may have ended since its number was read.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function childOf({ pid }: ChildProcess): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    return child === undefined || child === '' ? undefined : Number(child);
  } catch {
    return undefined;
  }
}
