import assert from 'node:assert/strict';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, type ConfigErrorCode } from '../../src/config/config-error.ts';
import { findConfig, loadFeatureStoreConfig } from '../../src/config/load-config.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const MINIMAL = 'project: shop\nregistry: data/registry.db\n';

async function refused(attempt: Promise<unknown>, code: ConfigErrorCode, text: string): Promise<void> {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof ConfigError, String(error));
    assert.deepEqual([error.code, error.describe()], [code, text]);
    return true;
  });
}

describe('loading feature_store.yaml', () => {
  const folder = useTempFolder();
  const inFolder = (...names: readonly string[]): string => join(folder(), ...names);

  it("starts relative paths from the file's folder, not from the working directory", async () => {
    await writeFile(inFolder('feature_store.yaml'), MINIMAL);
    const config = await loadFeatureStoreConfig(inFolder('feature_store.yaml'));
    assert.equal(config.file, inFolder('feature_store.yaml'));
    assert.equal(config.repoPath, folder());
    assert.equal(config.registry.path, inFolder('data', 'registry.db'));
  });

  it('names a file that is not there', async () => {
    const file = inFolder('nowhere', 'feature_store.yaml');
    const advice = 'Name the folder that holds it with --repo, or the file itself with --config.';
    await refused(loadFeatureStoreConfig(file), 'CONFIG_NOT_FOUND', `${file}: there is no such file. ${advice}`);
  });

  it('refuses a folder', async () => {
    const advice = 'Name the file in it, or give the folder with --repo.';
    await refused(
      loadFeatureStoreConfig(folder()),
      'CONFIG_UNREADABLE',
      `${folder()}: this is a folder, not a file. ${advice}`,
    );
  });

  it('refuses what is not UTF-8', async () => {
    const file = inFolder('feature_store.yaml');
    await writeFile(file, Buffer.from([0x70, 0xff, 0xfe, 0x0a]));
    await refused(loadFeatureStoreConfig(file), 'CONFIG_UNREADABLE', `${file}: the file is not UTF-8 text.`);
  });

  it('refuses a file of more than 1 MiB without reading it', async () => {
    const file = inFolder('feature_store.yaml');
    await writeFile(file, MINIMAL);
    await truncate(file, 5_000_000_000);
    const text = `${file}: the file has 5000000000 bytes; a configuration has at most 1048576.`;
    await refused(loadFeatureStoreConfig(file), 'CONFIG_UNREADABLE', text);
  });

  it('names the file in what is wrong with its content', async () => {
    const file = inFolder('feature_store.yaml');
    await writeFile(file, `${MINIMAL}provider: 5\n`);
    const text = `${file}:3: provider: expected text that is not empty, got 5. Put it in quotes to make it text.`;
    await refused(loadFeatureStoreConfig(file), 'CONFIG_INVALID', text);
  });

  describe('by the folder', () => {
    it('finds the file', async () => {
      await writeFile(inFolder('feature_store.yaml'), MINIMAL);
      assert.equal(await findConfig(folder()), inFolder('feature_store.yaml'));
    });

    it('points at a file under another name or in the folder that feast init makes', async () => {
      const missing = `${inFolder('feature_store.yaml')}: there is no such file.`;
      await refused(
        findConfig(folder()),
        'CONFIG_NOT_FOUND',
        `${missing} Name the folder that holds it with --repo, or the file itself with --config.`,
      );
      await mkdir(inFolder('feature_repo'));
      await writeFile(inFolder('feature_repo', 'feature_store.yaml'), MINIMAL);
      await refused(
        findConfig(folder()),
        'CONFIG_NOT_FOUND',
        `${missing} There is one in ${inFolder('feature_repo')}: use that folder.`,
      );
      await writeFile(inFolder('feature_store.yml'), MINIMAL);
      await refused(
        findConfig(folder()),
        'CONFIG_NOT_FOUND',
        `${missing} ${inFolder('feature_store.yml')} is there: rename it, Feast does not read it either.`,
      );
    });
  });
});
