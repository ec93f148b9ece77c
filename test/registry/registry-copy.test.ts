import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRegistryCopy, type RegistryCopyOptions } from '../../src/registry/registry-copy.ts';
import { RegistryError } from '../../src/registry/registry-error.ts';
import { openRegistry, type RegistryHolder, type RegistryOptions } from '../../src/registry/registry-holder.ts';
import { HeldSource, markedRegistry } from '../support/held-registry-source.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { hasRegistryCode } from '../support/registry-source-suite.ts';
import { useTempFolder } from '../support/temp-folder.ts';

describe('the copy of a registry on disk', () => {
  const folder = useTempFolder();
  const path = () => join(folder(), 'deep', 'copy');
  const open = (options: Partial<RegistryCopyOptions> = {}) =>
    createRegistryCopy({ path: path(), project: 'p', source: 'held registry', maxBytes: 2 ** 20, ...options });
  const bytes = markedRegistry(1);
  const refused = (message: RegExp) => hasRegistryCode('REGISTRY_COPY_UNUSABLE', message);

  it('comes back as it was written, with its time, and only its owner may read it', async () => {
    await open().write({ bytes, checkedAt: 1_700_000_000_000 });
    const copied = await open().read();
    assert.deepEqual(Buffer.from(copied.bytes), Buffer.from(bytes));
    assert.equal(copied.checkedAt, 1_700_000_000_000);
    assert.equal(statSync(path()).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(folder(), 'deep')), ['copy']);
  });

  it('notes that the source still holds it', async () => {
    await open().write({ bytes, checkedAt: 1_700_000_000_000 });
    await open().confirm(1_700_000_600_123);
    const copied = await open().read();
    assert.equal(copied.checkedAt, 1_700_000_600_123);
    assert.deepEqual(Buffer.from(copied.bytes), Buffer.from(bytes));
  });

  it('is refused for another project and for another source', async () => {
    await open().write({ bytes, checkedAt: 0 });
    await assert.rejects(open({ project: 'q' }).read(), refused(/it is of project "p"/));
    await assert.rejects(open({ source: 'registry s3://b/k' }).read(), refused(/it is of the held registry/));
  });

  it('is refused wherever it is damaged', async () => {
    await open().write({ bytes, checkedAt: 0 });
    const whole = readFileSync(path());
    const step = Math.ceil(whole.length / 150);
    for (let at = 0; at < whole.length; at += step) {
      const spoilt = Buffer.from(whole);
      spoilt[at] = (spoilt[at] ?? 0) ^ 0x41;
      writeFileSync(path(), spoilt);
      const inTime = at >= 26 && at < 50;
      // A digit of the time may turn into another one; the registry itself is still the right one then.
      if (!inTime) await assert.rejects(open().read(), refused(/damaged|not a copy|of project|of the/), `${at}`);
      writeFileSync(path(), whole.subarray(0, at));
      await assert.rejects(open().read(), refused(/damaged|not a copy/), `cut at ${at}`);
    }
  });

  it('is refused when it is missing, a folder, or larger than the limit', async () => {
    await assert.rejects(open().read(), refused(/it is not there/));
    mkdirSync(path(), { recursive: true });
    await assert.rejects(open().read(), refused(/EISDIR/));
    rmSync(path(), { recursive: true });
    writeFileSync(path(), Buffer.alloc(100_000));
    await assert.rejects(open({ maxBytes: 1024 }).read(), hasRegistryCode('REGISTRY_TOO_LARGE'));
  });

  it('is left as it was when a new one cannot be written', async () => {
    await open().write({ bytes, checkedAt: 1 });
    mkdirSync(`${path()}.${process.pid}.tmp`);
    await assert.rejects(
      open().write({ bytes: markedRegistry(2), checkedAt: 2 }),
      refused(/cannot be read or written/),
    );
    assert.equal((await open().read()).checkedAt, 1);
  });

  describe('behind a holder', () => {
    const holders: RegistryHolder[] = [];
    let warnings: string[];

    beforeEach(() => {
      warnings = [];
    });
    afterEach(async () => {
      await Promise.all(holders.splice(0).map((holder) => holder.close()));
    });

    async function hold(options: Partial<RegistryOptions> = {}): Promise<RegistryHolder> {
      const holder = await openRegistry({
        source: new HeldSource(),
        project: 'p',
        cacheTtlSeconds: 0,
        copy: open(),
        warn: (message) => warnings.push(message),
        ...options,
      });
      holders.push(holder);
      return holder;
    }

    /** A source that fails until it has bytes. */
    class DownSource extends HeldSource {
      down: RegistryError | undefined = new RegistryError('REGISTRY_UNREADABLE', 'The source is down.');

      override async load(): ReturnType<HeldSource['load']> {
        if (this.down !== undefined) {
          this.loads++;
          throw this.down;
        }
        return super.load();
      }
    }

    it('follows each change', async () => {
      const source = new HeldSource();
      const clock = new ManualClock();
      const holder = await hold({ source, clock });
      source.bytes = markedRegistry(2);
      clock.advance(5_000);
      await holder.refresh();
      const changedAt = clock.now();
      await holder.close();
      const copied = await open().read();
      assert.deepEqual(Buffer.from(copied.bytes), Buffer.from(markedRegistry(2)));
      assert.equal(copied.checkedAt, changedAt);
    });

    it('is confirmed while nothing changes, and written again when somebody removed it', async () => {
      const clock = new ManualClock();
      const holder = await hold({ clock });
      clock.advance(5_000);
      await holder.refresh();
      while (
        (
          await open()
            .read()
            .catch(() => undefined)
        )?.checkedAt !== clock.now()
      )
        await sleep(5);
      rmSync(path());
      while (!existsSync(path())) {
        await holder.refresh();
        await sleep(5);
      }
      await holder.close();
      assert.equal((await open().read()).checkedAt, clock.now());
      assert.equal(warnings.length, 1);
    });

    it('is not written by a command that only reads', async () => {
      const holder = await hold({ updateCopy: false });
      await holder.close();
      assert.ok(!existsSync(path()));
    });

    it('tells its age, and asks the source again soon, even where the registry never expires', async () => {
      const clock = new ManualClock();
      await open().write({ bytes: markedRegistry(0), checkedAt: clock.now() - 90_000 });
      const source = new DownSource();
      const holder = await hold({ source, clock });
      assert.equal(holder.current().versionId, '0');
      assert.equal(clock.now() - holder.status().checkedAt, 90_000);
      assert.match(warnings.join(), /The source is down\. Serving its copy .*, 90 s old/);
      const delays: (readonly number[])[] = [clock.delays];
      for (let round = 0; round < 2; round++) {
        clock.advance(60_000);
        await sleep(1);
        delays.push(clock.delays);
      }
      assert.deepEqual(delays, [[5_000], [10_000], [20_000]]);
      source.down = undefined;
      clock.advance(20_000);
      await sleep(1);
      assert.equal(holder.status().origin, 'source');
      assert.deepEqual(clock.delays, []);
    });

    it('does not help where the source has answered, or the settings are wrong', async () => {
      await open().write({ bytes: markedRegistry(0), checkedAt: 0 });
      for (const code of ['REGISTRY_PROJECT_MISSING', 'REGISTRY_SETTINGS_INVALID'] as const) {
        const source = new DownSource();
        source.down = new RegistryError(code, 'No.');
        await assert.rejects(hold({ source }), hasRegistryCode(code));
      }
    });

    it('leaves the error of the source when it cannot be used, and says why', async () => {
      await open({ project: 'q' }).write({ bytes: markedRegistry(0), checkedAt: 0 });
      const source = new DownSource();
      await assert.rejects(hold({ source }), hasRegistryCode('REGISTRY_UNREADABLE', /The source is down/));
      assert.match(warnings.join(), /it is of project "q"/);
      assert.equal(source.closed, 1);
    });
  });
});
