import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFileRegistrySource } from '../../src/registry/file-registry-source.ts';
import { RegistryError, type RegistryErrorCode } from '../../src/registry/registry-error.ts';
import type { LoadedRegistry, RegistrySource } from '../../src/registry/registry-source.ts';
import { useTempFolder } from '../support/temp-folder.ts';

function hasCode(code: RegistryErrorCode, message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof RegistryError && error.code === code && message.test(error.message);
}

async function loadWhole(source: RegistrySource, previous?: string): Promise<LoadedRegistry> {
  const loaded = await source.load(previous === undefined ? {} : { previous });
  assert.ok(loaded !== 'unchanged');
  return loaded;
}

describe('a file registry source', () => {
  const folder = useTempFolder();
  const file = () => join(folder(), 'registry.db');
  const open = (path = 'registry.db', settleMs = 10) =>
    createFileRegistrySource({ path, repoPath: folder(), maxBytes: 1024, settleMs });

  it('reads the file whether its path is relative to the repo or absolute', async () => {
    mkdirSync(join(folder(), 'data'));
    const path = join(folder(), 'data', 'registry.db');
    writeFileSync(path, 'content');
    for (const form of ['data/registry.db', path]) {
      const source = open(form);
      assert.equal(source.describe(), `registry file ${path}`);
      assert.equal(Buffer.from((await loadWhole(source)).bytes).toString(), 'content');
    }
  });

  it('says that the file is unchanged until it is written, replaced or restored', async () => {
    writeFileSync(file(), 'one');
    const source = open();
    let { token } = await loadWhole(source);
    assert.ok(token);
    assert.equal(await source.load({ previous: token }), 'unchanged');

    const changes: (readonly [string, () => void])[] = [
      ['written', () => writeFileSync(file(), 'two')],
      ['truncated', () => truncateSync(file(), 1)],
      [
        'replaced by one of the same size and times',
        () => {
          writeFileSync(join(folder(), 'other'), 'x');
          utimesSync(file(), 1_700_000_000, 1_700_000_000);
          utimesSync(join(folder(), 'other'), 1_700_000_000, 1_700_000_000);
          renameSync(join(folder(), 'other'), file());
        },
      ],
      [
        'restored from an older copy',
        () => {
          writeFileSync(file(), 'old');
          utimesSync(file(), 1_600_000_000, 1_600_000_000);
        },
      ],
    ];
    for (const [name, change] of changes) {
      change();
      const loaded: LoadedRegistry = await loadWhole(source, token);
      assert.notEqual(loaded.token, token, name);
      token = loaded.token ?? '';
      assert.equal(await source.load({ previous: token }), 'unchanged', name);
    }
  });

  it('follows a link that is pointed elsewhere, as Kubernetes does for mounted files', async () => {
    for (const version of ['one', 'two']) {
      mkdirSync(join(folder(), version));
      writeFileSync(join(folder(), version, 'registry.db'), version);
    }
    symlinkSync('one', join(folder(), 'current'));
    const source = open('current/registry.db');
    const first = await loadWhole(source);
    symlinkSync('two', join(folder(), 'next'));
    renameSync(join(folder(), 'next'), join(folder(), 'current'));
    assert.equal(Buffer.from((await loadWhole(source, first.token)).bytes).toString(), 'two');
  });

  it('waits for a file that is being written in place', async () => {
    writeFileSync(file(), '');
    const loading = open('registry.db', 40).load();
    for (const part of ['half', 'half and half']) {
      await sleep(15);
      writeFileSync(file(), part);
    }
    const loaded = await loading;
    assert.ok(loaded !== 'unchanged');
    assert.equal(Buffer.from(loaded.bytes).toString(), 'half and half');
  });

  it('reports a file that never comes to rest', async () => {
    writeFileSync(file(), '0');
    let count = 0;
    const writer = setInterval(() => writeFileSync(file(), `${count++}`), 2);
    try {
      await assert.rejects(open('registry.db', 10).load(), hasCode('REGISTRY_UNREADABLE', /kept changing/));
    } finally {
      clearInterval(writer);
    }
  });

  it('gives advice for a file that is missing, then finds it once it is there', async () => {
    const source = open();
    await assert.rejects(source.load(), hasCode('REGISTRY_NOT_FOUND', /There is no registry file .*registry\.db/));
    await assert.rejects(open('no/such/folder/registry.db').load(), hasCode('REGISTRY_NOT_FOUND', /no\/such\/folder/));
    writeFileSync(file(), 'x');
    const { token } = await loadWhole(source);
    unlinkSync(file());
    await assert.rejects(source.load({ previous: token ?? '' }), hasCode('REGISTRY_NOT_FOUND', /There is no/));
  });

  it('refuses a file that is larger than is allowed, and reads one that is just as large', async () => {
    writeFileSync(file(), Buffer.alloc(1025));
    await assert.rejects(open().load(), hasCode('REGISTRY_TOO_LARGE', /registry file .* is larger than 1024 bytes/));
    truncateSync(file(), 1024);
    assert.equal((await loadWhole(open())).bytes.length, 1024);
  });

  it('names the reason when there is something that cannot be read', async () => {
    await assert.rejects(open('.').load(), hasCode('REGISTRY_UNREADABLE', /\(EISDIR\)/));
  });

  it('gives up when the caller does', async () => {
    writeFileSync(file(), 'x');
    const abort = new AbortController();
    const loading = open('registry.db', 10_000).load({ signal: abort.signal });
    setTimeout(() => abort.abort(), 5);
    await assert.rejects(loading, RegistryError);
  });
});
