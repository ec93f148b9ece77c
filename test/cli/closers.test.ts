import assert from 'node:assert/strict';
import { Closers } from '../../src/cli/closers.ts';
import { createLogLines } from '../support/log-lines.ts';

describe('the parts of a process that stops', () => {
  it('end in the reverse of their order, once, whichever of them fail or hang', async () => {
    const { log, lines } = createLogLines();
    const closers = new Closers(log);
    const ended: string[] = [];
    closers.add('probes', async () => void ended.push('probes'));
    closers.add('store', () => new Promise(() => {}), 20);
    closers.add('registry', () => Promise.reject(new Error('the disk is full')));
    closers.add('server', async () => void ended.push('server'));
    await closers.closeAll();
    await closers.closeAll();
    assert.deepEqual(ended, ['server', 'probes']);
    assert.deepEqual(
      lines.map(({ part, msg }) => ({ part, msg })),
      [
        { part: 'registry', msg: 'a part of the process could not be ended' },
        { part: 'store', msg: 'a part of the process does not end: going on without it' },
      ],
    );
  });

  it('end although one throws before it does anything', async () => {
    const { log, lines } = createLogLines();
    const closers = new Closers(log);
    closers.add('store', () => {
      throw new Error('never opened');
    });
    await closers.closeAll();
    assert.equal(lines.length, 1);
  });
});
