import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlTarget } from './sql-write-harness.ts';

/**
 * Starts a process that loads one version after the other, and kills it after so many milliseconds.
 * @param inKeyOrder whether it tells the store that rows come in the order of their keys
 * @returns the last version that it said it had committed
 */
export async function killedLoad(
  target: SqlTarget,
  entities: number,
  version: number,
  afterMs: number,
  inKeyOrder = false,
): Promise<number> {
  const script = new URL(`./load-process${extname(import.meta.url)}`, import.meta.url);
  const args = [JSON.stringify(target), String(entities), String(version), String(inKeyOrder)];
  const child = fork(script, args, { silent: true });
  let output = '';
  let errors = '';
  child.stderr?.on('data', (data: Buffer) => {
    errors += String(data);
  });
  const up = new Promise<void>((resolve) => {
    child.stdout?.on('data', (data: Buffer) => {
      output += String(data);
      resolve();
    });
  });
  const closed = once(child, 'close');
  await Promise.race([up, closed]);
  assert.match(output, /^up/, errors);
  await sleep(afterMs);
  child.kill('SIGKILL');
  await closed;
  assert.equal(errors, '');
  return Math.max(-1, ...[...output.matchAll(/committed (\d+)/g)].map(([, each]) => Number(each)));
}
