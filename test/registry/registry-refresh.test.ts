import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFileRegistrySource } from '../../src/registry/file-registry-source.ts';
import { RegistryError, type RegistryErrorCode } from '../../src/registry/registry-error.ts';
import { openRegistry, type RegistryHolder, type RegistryOptions } from '../../src/registry/registry-holder.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import { goldenPath } from '../support/golden.ts';
import { HeldSource, markedRegistry } from '../support/held-registry-source.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { projectRoot } from '../support/project-root.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const kitchenSink = goldenPath('registry', 'kitchen_sink', 'registry.db');
const twoProjects = goldenPath('registry', 'two_projects', 'registry.db');
const minimal = goldenPath('registry', 'minimal', 'registry.db');

function hasCode(code: RegistryErrorCode, message = /./): (error: unknown) => boolean {
  return (error) => error instanceof RegistryError && error.code === code && message.test(error.message);
}

describe('a registry holder over time', () => {
  const folder = useTempFolder();
  const file = () => join(folder(), 'registry.db');
  const holders: RegistryHolder[] = [];

  /** Opens the registry in the temporary folder; closed after the test. */
  async function open(options: Partial<RegistryOptions> = {}): Promise<RegistryHolder> {
    const source = createFileRegistrySource({
      path: 'registry.db',
      repoPath: folder(),
      maxBytes: 2 ** 20,
      settleMs: 5,
    });
    const holder = await openRegistry({ source, project: 'p', cacheTtlSeconds: 0, ...options });
    holders.push(holder);
    return holder;
  }

  afterEach(async () => {
    await Promise.all(holders.splice(0).map((holder) => holder.close()));
  });

  describe('in the background', () => {
    it('refreshes when the cache time is over, up to a tenth early', async () => {
      const source = new HeldSource();
      const clock = new ManualClock(0.5);
      const holder = await open({ source, cacheTtlSeconds: 600, clock });
      assert.deepEqual(clock.delays, [570_000]);
      source.bytes = markedRegistry(1);
      clock.advance(569_999);
      assert.equal(source.loads, 1);
      clock.advance(1);
      await sleep(1);
      assert.equal(source.loads, 2);
      assert.equal(holder.current().versionId, '1');
      assert.deepEqual(clock.delays, [570_000]);
    });

    it('asks again sooner after a failure, then ever more slowly, never slower than the cache time', async () => {
      const source = new HeldSource();
      const clock = new ManualClock();
      const errors: RegistryError[] = [];
      await open({ source, cacheTtlSeconds: 30, clock, onError: (error) => errors.push(error) });
      source.bytes = new Uint8Array(0);
      const delays: (readonly number[])[] = [];
      for (let round = 0; round < 5; round++) {
        clock.advance(30_000);
        await sleep(1);
        delays.push(clock.delays);
      }
      assert.deepEqual(delays, [[5_000], [10_000], [20_000], [30_000], [30_000]]);
      assert.equal(errors.length, 5);
      source.bytes = markedRegistry(1);
      clock.advance(30_000);
      await sleep(1);
      assert.deepEqual(clock.delays, [30_000]);
      assert.equal(errors.length, 5);
    });

    it('does nothing by itself with a cache time of 0, which Feast takes for ever', async () => {
      const source = new HeldSource();
      const clock = new ManualClock();
      const holder = await open({ source, cacheTtlSeconds: 0, clock });
      assert.deepEqual(clock.delays, []);
      source.bytes = markedRegistry(1);
      assert.equal(await holder.refresh(), 'swapped');
      assert.deepEqual(clock.delays, []);
    });

    it('waits for the whole cache time again after a forced refresh', async () => {
      const source = new HeldSource();
      const clock = new ManualClock();
      const holder = await open({ source, cacheTtlSeconds: 60, clock });
      clock.advance(50_000);
      await holder.refresh();
      assert.deepEqual(clock.delays, [60_000]);
    });

    it('picks up a real file by itself', async () => {
      copyFileSync(kitchenSink, file());
      const swapped: RegistrySnapshot[] = [];
      await open({ project: 'kitchen_sink', cacheTtlSeconds: 0.05, onSwap: (snapshot) => swapped.push(snapshot) });
      copyFileSync(twoProjects, file());
      for (let wait = 0; wait < 200 && swapped.length === 0; wait++) await sleep(10);
      assert.deepEqual(swapped[0]?.projects, ['kitchen_sink', 'second_project']);
    });

    it('does not keep the process alive', () => {
      const script = `
        import { createFileRegistrySource } from './src/registry/file-registry-source.ts';
        import { openRegistry } from './src/registry/registry-holder.ts';
        const source = createFileRegistrySource({ path: process.argv[1], repoPath: '/', maxBytes: 2 ** 20 });
        const holder = await openRegistry({ source, project: 'minimal', cacheTtlSeconds: 600 });
        console.log(holder.current().views.size);`;
      const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script, minimal], {
        cwd: projectRoot,
        encoding: 'utf8',
        timeout: 15_000,
      });
      assert.deepEqual([child.status, child.stdout], [0, '1\n'], child.stderr);
    });
  });

  describe('when closed', () => {
    it('stops its timer, closes the source and goes on answering from the last snapshot', async () => {
      const source = new HeldSource();
      const clock = new ManualClock();
      const holder = await open({ source, cacheTtlSeconds: 60, clock });
      await holder.close();
      await holder.close();
      assert.deepEqual(clock.delays, []);
      assert.ok(source.closed > 0);
      assert.equal(holder.current().versionId, '0');
      await assert.rejects(holder.refresh(), hasCode('REGISTRY_CLOSED'));
      assert.equal(source.loads, 1);
    });

    it('gives up a refresh under way, without calling it a failure', async () => {
      const source = new HeldSource();
      const errors: RegistryError[] = [];
      const holder = await open({ source, onError: (error) => errors.push(error) });
      source.hold = true;
      source.bytes = markedRegistry(1);
      const refused = assert.rejects(holder.refresh(), hasCode('REGISTRY_CLOSED'));
      const refusedToo = assert.rejects(holder.refresh(), hasCode('REGISTRY_CLOSED'));
      await holder.close();
      await Promise.all([refused, refusedToo]);
      assert.equal(holder.current().versionId, '0');
      assert.deepEqual([errors.length, holder.status().failures], [0, 0]);
    });
  });
});
