import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { createFileRegistrySource } from '../../src/registry/file-registry-source.ts';
import { RegistryError, type RegistryErrorCode } from '../../src/registry/registry-error.ts';
import { openRegistry, type RegistryHolder, type RegistryOptions } from '../../src/registry/registry-holder.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import { goldenPath } from '../support/golden.ts';
import { HeldSource, markedRegistry } from '../support/held-registry-source.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const kitchenSink = goldenPath('registry', 'kitchen_sink', 'registry.db');
const twoProjects = goldenPath('registry', 'two_projects', 'registry.db');
const minimal = goldenPath('registry', 'minimal', 'registry.db');

function hasCode(code: RegistryErrorCode, message = /./): (error: unknown) => boolean {
  return (error) => error instanceof RegistryError && error.code === code && message.test(error.message);
}

function marksOf(snapshot: RegistrySnapshot): ReadonlySet<string> {
  const owners = [...snapshot.views.values(), ...snapshot.services.values()].map((object) => object.owner);
  return new Set([snapshot.versionId, ...owners]);
}

describe('a registry holder', () => {
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
    const holder = await openRegistry({ source, project: 'kitchen_sink', cacheTtlSeconds: 0, ...options });
    holders.push(holder);
    return holder;
  }

  afterEach(async () => {
    await Promise.all(holders.splice(0).map((holder) => holder.close()));
  });

  describe('at start', () => {
    it('serves what the file holds', async () => {
      copyFileSync(kitchenSink, file());
      const holder = await open();
      assert.equal(holder.current().generation, 1);
      assert.equal(holder.current().views.size, 16);
      assert.equal(holder.status().failures, 0);
      assert.equal(holder.status().checkedAt, holder.status().loadedAt);
    });

    it('fails with advice when the file is missing', async () => {
      await assert.rejects(
        open(),
        (error) => hasCode('REGISTRY_NOT_FOUND')(error) && /feast apply/.test((error as RegistryError).hint ?? ''),
      );
    });

    it('fails when the file is empty, cut off, something else or of another project', async () => {
      writeFileSync(file(), '');
      await assert.rejects(open(), hasCode('REGISTRY_CORRUPT', /is empty/));
      copyFileSync(kitchenSink, file());
      truncateSync(file(), 20_000);
      await assert.rejects(open(), hasCode('REGISTRY_CORRUPT', /20000 bytes/));
      writeFileSync(file(), '<html>not found</html>');
      await assert.rejects(open(), hasCode('REGISTRY_CORRUPT'));
      copyFileSync(minimal, file());
      await assert.rejects(open(), hasCode('REGISTRY_PROJECT_MISSING', /"kitchen_sink", only "minimal"/));
    });

    it('closes the source when it cannot start', async () => {
      const source = new HeldSource();
      source.bytes = new Uint8Array(0);
      await assert.rejects(open({ source }), hasCode('REGISTRY_CORRUPT'));
      assert.equal(source.closed, 1);
    });

    it('wraps what a source throws without a code', async () => {
      const source = new HeldSource();
      source.load = async () => {
        throw new Error('socket hang up');
      };
      await assert.rejects(
        open({ source }),
        (error) => hasCode('REGISTRY_FAILED', /held registry/)(error) && /socket/.test(String((error as Error).cause)),
      );
    });

    it('warns of a registry that a newer Feast wrote, and serves it', async () => {
      const registry = fromBinary(RegistrySchema, readFileSync(kitchenSink));
      registry.registrySchemaVersion = '2';
      writeFileSync(file(), toBinary(RegistrySchema, registry));
      const warnings: string[] = [];
      const holder = await open({ warn: (message) => warnings.push(message) });
      assert.equal(holder.current().views.size, 16);
      assert.match(warnings.join(), /schema version "2"/);
    });
  });

  describe('when refreshed', () => {
    it('takes a file that was replaced, as a whole and with the next generation', async () => {
      copyFileSync(kitchenSink, file());
      const swaps: (readonly [RegistrySnapshot, RegistrySnapshot])[] = [];
      const holder = await open({ onSwap: (...swap) => swaps.push(swap) });
      const before = holder.current();
      assert.equal(await holder.refresh(), 'unchanged');
      assert.equal(holder.current(), before);

      copyFileSync(twoProjects, join(folder(), 'next'));
      renameSync(join(folder(), 'next'), file());
      assert.equal(await holder.refresh(), 'swapped');
      assert.equal(holder.current().generation, 2);
      assert.deepEqual(holder.current().projects, ['kitchen_sink', 'second_project']);
      assert.deepEqual(before.projects, ['kitchen_sink']);
      assert.equal(swaps.length, 1);
      assert.equal(swaps[0]?.[0], holder.current());
      assert.equal(swaps[0]?.[1], before);
    });

    it('keeps its generation when the file was written again with the same content', async () => {
      copyFileSync(kitchenSink, file());
      const holder = await open();
      const before = holder.current();
      writeFileSync(file(), readFileSync(kitchenSink));
      assert.equal(await holder.refresh(), 'unchanged');
      assert.equal(holder.current(), before);
    });

    it('keeps the last good snapshot over every kind of bad file, reports each, and recovers', async () => {
      copyFileSync(kitchenSink, file());
      const errors: RegistryError[] = [];
      const clock = new ManualClock();
      const holder = await open({ onError: (error) => errors.push(error), clock });
      const good = holder.current();
      const loadedAt = clock.now();

      const spoil: (readonly [RegistryErrorCode, () => void])[] = [
        ['REGISTRY_CORRUPT', () => truncateSync(file(), 20_000)],
        ['REGISTRY_CORRUPT', () => truncateSync(file(), 0)],
        ['REGISTRY_NOT_FOUND', () => unlinkSync(file())],
        ['REGISTRY_PROJECT_MISSING', () => copyFileSync(minimal, file())],
        ['REGISTRY_CORRUPT', () => writeFileSync(file(), 'entities:\n  - driver\n')],
      ];
      for (const [index, [code, change]] of spoil.entries()) {
        change();
        clock.advance(1000);
        await assert.rejects(holder.refresh(), hasCode(code));
        assert.equal(holder.current(), good);
        const status = holder.status();
        assert.deepEqual([status.failures, status.loadedAt, status.checkedAt], [index + 1, loadedAt, loadedAt]);
        assert.equal(status.lastError, errors.at(-1));
      }
      assert.deepEqual(
        errors.map((error) => error.code),
        spoil.map(([code]) => code),
      );

      copyFileSync(kitchenSink, file());
      assert.equal(await holder.refresh(), 'unchanged');
      assert.deepEqual(holder.status(), {
        origin: 'source',
        loadedAt,
        checkedAt: clock.now(),
        failures: 0,
        lastError: undefined,
      });
      copyFileSync(twoProjects, file());
      assert.equal(await holder.refresh(), 'swapped');
      assert.equal(holder.current().generation, 2);
      assert.equal(errors.length, spoil.length);
    });

    it('reads a broken file again, though it has not changed since', async () => {
      copyFileSync(kitchenSink, file());
      const holder = await open();
      truncateSync(file(), 10_000);
      for (let round = 0; round < 2; round++) await assert.rejects(holder.refresh(), hasCode('REGISTRY_CORRUPT'));
      assert.equal(holder.status().failures, 2);
    });

    it('runs one refresh at a time, and one more for all who asked meanwhile', async () => {
      const source = new HeldSource();
      const holder = await open({ source, project: 'p' });
      source.hold = true;
      source.bytes = markedRegistry(1);
      const first = holder.refresh();
      source.bytes = markedRegistry(2);
      const later = [holder.refresh(), holder.refresh(), holder.refresh()];
      assert.equal(source.loads, 2);
      source.release();
      assert.equal(await first, 'swapped');
      assert.equal(holder.current().versionId, '1');
      await sleep(1);
      source.release();
      assert.deepEqual(await Promise.all(later), ['swapped', 'swapped', 'swapped']);
      assert.equal(holder.current().versionId, '2');
      assert.equal(source.loads, 3);
    });

    it('shows readers whole generations only, while the file is rewritten in place', async () => {
      writeFileSync(file(), markedRegistry(0));
      const source = createFileRegistrySource({ path: file(), repoPath: '/', maxBytes: 2 ** 20, settleMs: 100 });
      const holder = await open({ source, project: 'p' });
      let reads = 0;
      let generation = 0;
      const read = () => {
        const snapshot = holder.current();
        assert.equal(marksOf(snapshot).size, 1);
        assert.ok(snapshot.generation >= generation);
        generation = snapshot.generation;
        reads++;
      };
      const rewrite = async () => {
        for (let mark = 1; mark <= 10; mark++) {
          const bytes = markedRegistry(mark);
          writeFileSync(file(), bytes.subarray(0, bytes.length / 2));
          const refreshed = holder.refresh();
          await sleep(2);
          writeFileSync(file(), bytes);
          assert.equal(await refreshed, 'swapped');
          assert.deepEqual([...marksOf(holder.current())], [`${mark}`]);
        }
      };
      let done = false;
      const rewriting = rewrite().finally(() => {
        done = true;
      });
      try {
        while (!done) {
          read();
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        await rewriting;
      }
      assert.equal(holder.current().generation, 11);
      assert.ok(reads > 100);
    });
  });
});
