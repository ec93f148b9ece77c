import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RegistryFile } from '../../../src/registry/writing/registry-file.ts';
import { acquireRegistryLock } from '../../../src/registry/writing/registry-lock.ts';
import { hasRegistryCode } from '../../support/registry-source-suite.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

describe('a registry file that is written', () => {
  const folder = useTempFolder();
  const path = () => join(folder(), 'data', 'registry.db');
  const open = (at = path()) => new RegistryFile({ path: at, maxBytes: 2 ** 20 });
  const written = () => readFileSync(path(), 'utf8');
  const put = (text: string) => {
    mkdirSync(join(folder(), 'data'), { recursive: true });
    writeFileSync(path(), text);
  };

  it('is created with its folder where it is not there', async () => {
    const result = await open().update((current) => {
      assert.equal(current, undefined);
      return { bytes: Buffer.from('new'), result: 7 };
    });
    assert.equal(result, 7);
    assert.equal(written(), 'new');
    assert.deepEqual(readdirSync(join(folder(), 'data')), ['registry.db']);
  });

  it('is replaced as a whole, keeps its mode, and leaves nothing else behind', async () => {
    put('old');
    chmodSync(path(), 0o640);
    const { ino } = statSync(path());
    await open().update((current) => ({ bytes: Buffer.from(`${String(current)} and new`), result: undefined }));
    assert.equal(written(), 'old and new');
    assert.equal(statSync(path()).mode & 0o777, 0o640);
    assert.notEqual(statSync(path()).ino, ino);
    assert.deepEqual(readdirSync(join(folder(), 'data')), ['registry.db']);
  });

  it('is not touched where nothing changes or the change fails', async () => {
    put('old');
    const { ino, mtimeMs } = statSync(path());
    assert.equal(await open().update(() => ({ result: 'same' })), 'same');
    const failing = open().update(() => {
      throw new RangeError('no');
    });
    await assert.rejects(failing, RangeError);
    assert.deepEqual([statSync(path()).ino, statSync(path()).mtimeMs], [ino, mtimeMs]);
    assert.deepEqual(readdirSync(join(folder(), 'data')), ['registry.db']);
  });

  it('is the file that a symbolic link leads to', async () => {
    put('old');
    const link = join(folder(), 'link.db');
    symlinkSync(path(), link);
    await open(link).update(() => ({ bytes: Buffer.from('new'), result: undefined }));
    assert.equal(written(), 'new');
    assert.equal(readlinkSync(link), path());
  });

  it('has one winner of two writers, and an error for the other', async () => {
    put('');
    let begun: () => void = () => {};
    const begins = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let goOn: () => void = () => {};
    const goes = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const winner = open().update(async () => {
      begun();
      await goes;
      return { bytes: Buffer.from('first'), result: undefined };
    });
    await begins;
    const loser = open().update(() => ({ bytes: Buffer.from('second'), result: undefined }));
    await assert.rejects(loser, hasRegistryCode('REGISTRY_LOCKED', new RegExp(`process ${process.pid} on `)));
    goOn();
    await winner;
    assert.equal(written(), 'first');
  });

  it('gets the changes of all who wait for each other', async () => {
    put('');
    const add = (text: string) =>
      open().update((current) => ({ bytes: Buffer.from(`${String(current)}${text}`), result: undefined }), {
        waitMs: 60_000,
      });
    await Promise.all([...'abcdefgh'].map(add));
    assert.equal([...written()].sort().join(''), 'abcdefgh');
  });

  it('keeps what somebody without the lock wrote meanwhile', async () => {
    put('old');
    const losing = open().update(() => {
      writeFileSync(path(), 'theirs');
      return { bytes: Buffer.from('ours'), result: undefined };
    });
    await assert.rejects(losing, hasRegistryCode('REGISTRY_CHANGED', /meanwhile/));
    assert.equal(written(), 'theirs');
    assert.deepEqual(readdirSync(join(folder(), 'data')), ['registry.db']);
  });

  it('keeps a file that somebody created meanwhile', async () => {
    const losing = open().update(() => {
      writeFileSync(path(), 'theirs');
      return { bytes: Buffer.from('ours'), result: undefined };
    });
    await assert.rejects(losing, hasRegistryCode('REGISTRY_CHANGED'));
    assert.equal(written(), 'theirs');
  });

  it('is changed anew on what somebody wrote meanwhile, where that is asked for', async () => {
    put('old');
    let times = 0;
    await open().update(
      (current) => {
        times += 1;
        if (times === 1) writeFileSync(path(), 'theirs');
        return { bytes: Buffer.from(`${String(current)}, ours`), result: undefined };
      },
      { retries: 1 },
    );
    assert.equal(written(), 'theirs, ours');
  });

  it('says why it cannot be written', async () => {
    if (process.getuid?.() === 0) {
      // Root may write everywhere: a file in the place of the folder stops it too.
      writeFileSync(join(folder(), 'data'), '');
    } else {
      put('old');
      chmodSync(join(folder(), 'data'), 0o500);
    }
    const refused = open().update(() => ({ bytes: Buffer.from('new'), result: undefined }));
    await assert.rejects(refused, hasRegistryCode('REGISTRY_WRITE_FAILED', /\((?:EACCES|ENOTDIR|EEXIST)\)/));
    if (process.getuid?.() !== 0) chmodSync(join(folder(), 'data'), 0o700);
  });

  describe('under a lock that somebody left behind', () => {
    const lockPath = () => `${path()}.lock`;
    const leave = (holder: object | string, ageMs = 0) => {
      put('old');
      writeFileSync(lockPath(), typeof holder === 'string' ? holder : JSON.stringify(holder));
      const time = new Date(Date.now() - ageMs);
      utimesSync(lockPath(), time, time);
    };
    const holder = (changes: object) => ({
      id: 'x',
      pid: process.pid,
      host: hostname(),
      processStart: null,
      since: '2026-01-01T00:00:00Z',
      ...changes,
    });
    const write = () => open().update(() => ({ bytes: Buffer.from('new'), result: undefined }));
    const refused = hasRegistryCode('REGISTRY_LOCKED');

    it('is written when the process is gone', async () => {
      const child = spawn(process.execPath, ['-e', '']);
      await once(child, 'close');
      leave(holder({ pid: child.pid }));
      await write();
      assert.equal(written(), 'new');
      assert.equal(existsSync(lockPath()), false);
    });

    it('is written when another process has its number now', async function () {
      if (!existsSync('/proc/self/stat')) this.skip();
      leave(holder({ processStart: '1' }));
      await write();
      assert.equal(written(), 'new');
    });

    it('is written when nobody renewed it for a minute', async () => {
      for (const left of [holder({ host: 'elsewhere' }), holder({}), '']) {
        leave(left, 61_000);
        await write();
        assert.equal(written(), 'new');
      }
    });

    it('is not written before that', async () => {
      for (const left of [holder({ host: 'elsewhere', pid: 1 }), holder({}), '', 'null']) {
        leave(left, 30_000);
        await assert.rejects(write(), refused);
        assert.equal(written(), 'old');
      }
    });

    it('is written by one of several who find it at the same time', async () => {
      leave(holder({ host: 'elsewhere' }), 61_000);
      let inside = 0;
      const one = () =>
        open().update(
          async (current) => {
            inside += 1;
            assert.equal(inside, 1);
            await sleep(1);
            inside -= 1;
            return { bytes: Buffer.from(`${String(current)}+`), result: undefined };
          },
          { waitMs: 60_000 },
        );
      await Promise.all(Array.from({ length: 8 }, one));
      assert.equal(written(), 'old++++++++');
    });
  });

  describe('beside files that killed writers left behind', () => {
    const beside = (id: string) => `${path()}.lock.${id}`;
    const id = (digit: string) => digit.repeat(8).concat(`-${digit.repeat(4)}`.repeat(3), `-${digit.repeat(12)}`);
    const holder = (pid: number | undefined) =>
      JSON.stringify({ id: 'x', pid, host: hostname(), processStart: null, since: '2026-01-01T00:00:00Z' });
    const write = () => open().update(() => ({ bytes: Buffer.from('new'), result: undefined }));

    it('is written, and they are removed', async () => {
      put('old');
      const child = spawn(process.execPath, ['-e', '']);
      await once(child, 'close');
      writeFileSync(beside(id('a')), holder(child.pid));
      writeFileSync(beside(id('b')), '');
      writeFileSync(beside(id('c')), holder(child.pid).slice(0, 9));
      writeFileSync(`${path()}.sideboard-${id('d')}.tmp`, 'half');
      await write();
      assert.equal(written(), 'new');
      assert.deepEqual(readdirSync(join(folder(), 'data')), ['registry.db']);
    });

    it('leaves those of processes that live, and files of other names', async () => {
      put('old');
      writeFileSync(beside(id('a')), holder(process.pid));
      writeFileSync(beside('copy'), '');
      await write();
      assert.deepEqual(readdirSync(join(folder(), 'data')).sort(), [
        'registry.db',
        `registry.db.lock.${id('a')}`,
        'registry.db.lock.copy',
      ]);
    });

    it('can be locked by a slow one whose own was removed before it was whole', async () => {
      put('old');
      const data = join(folder(), 'data');
      let locks = true;
      const removeOne = () => {
        if (!locks) return;
        const [name] = readdirSync(data).filter((found) => found.startsWith('registry.db.lock.'));
        if (name === undefined) setImmediate(removeOne);
        else rmSync(join(data, name), { force: true });
      };
      for (let n = 0; n < 50; n++) {
        removeOne();
        const lock = await acquireRegistryLock(path(), { waitMs: 0 });
        await lock.release();
      }
      locks = false;
      assert.deepEqual(readdirSync(data), ['registry.db']);
    });
  });

  it('is not written by whoever lost the lock', async () => {
    put('old');
    const losing = open().update(() => {
      writeFileSync(`${path()}.lock`, '{"id":"another"}');
      return { bytes: Buffer.from('ours'), result: undefined };
    });
    await assert.rejects(losing, hasRegistryCode('REGISTRY_CHANGED', /taken over/));
    assert.equal(written(), 'old');
    assert.equal(readFileSync(`${path()}.lock`, 'utf8'), '{"id":"another"}');
  });

  it('keeps its lock for as long as its holder renews it', async () => {
    put('old');
    const lock = await acquireRegistryLock(path(), { waitMs: 0, staleMs: 120 });
    const waiting = acquireRegistryLock(path(), { waitMs: 500, staleMs: 120 });
    await assert.rejects(waiting, hasRegistryCode('REGISTRY_LOCKED'));
    await lock.assertHeld();
    await lock.release();
  });
});
