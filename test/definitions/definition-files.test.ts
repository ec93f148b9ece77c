import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { featureStoreConfigFromText } from '../../src/config/feature-store-config.ts';
import { loadDefinitions } from '../../src/definitions/load-definitions.ts';
import type { ProjectDefinitions } from '../../src/registry/project-definitions.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const entity = (name: string): string => `entities: [{name: ${name}, value_type: Int64}]\n`;

describe('definitions of a project', () => {
  const folder = useTempFolder();

  const write = (file: string, content: string | Buffer): void => {
    const path = join(folder(), file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  };
  const load = (place?: string, env: NodeJS.ProcessEnv = {}): Promise<ProjectDefinitions | undefined> => {
    const setting = place === undefined ? '' : `sideboard: {definitions: ${place}}\n`;
    const text = `project: p\nregistry: r.db\nproject_description: From the file\n${setting}`;
    return loadDefinitions(featureStoreConfigFromText(text, { file: join(folder(), 'feature_store.yaml'), env }), {
      env,
    });
  };
  const names = (project: ProjectDefinitions | undefined) => project?.entities.map(({ spec }) => spec?.name);

  it('are none where there is no YAML of them', async () => {
    write('definitions.py', 'driver = Entity(name="driver")');
    write('definitions/__init__.py', '');
    assert.equal(await load(), undefined);
  });

  it('are in definitions.yaml, or in definitions.yml', async () => {
    for (const file of ['definitions.yaml', 'definitions.yml']) {
      rmSync(folder(), { recursive: true });
      write(file, entity('driver'));
      assert.deepEqual(names(await load()), ['driver', '__dummy']);
    }
  });

  it('are in all files of the folder definitions and of those in it, but for what starts with a dot', async () => {
    write('definitions/b.yaml', entity('b'));
    write('definitions/a/deep.yml', entity('a'));
    write('definitions/.hidden.yaml', entity('hidden'));
    write('definitions/notes.txt', 'no YAML: [');
    // As Kubernetes mounts a config map.
    write('definitions/..data/mounted.yaml', entity('mounted'));
    symlinkSync('..data/mounted.yaml', join(folder(), 'definitions', 'mounted.yaml'));
    assert.deepEqual(names(await load()), ['a', 'b', 'mounted', '__dummy']);
  });

  it('are where sideboard.definitions says, and nowhere else then', async () => {
    write('definitions.yaml', entity('other'));
    write('features/all.yaml', entity('driver'));
    assert.deepEqual(names(await load('features/all.yaml')), ['driver', '__dummy']);
    assert.deepEqual(names(await load('features')), ['driver', '__dummy']);
  });

  it('may name variables, and describe the project or leave it to feature_store.yaml', async () => {
    write('definitions.yaml', `entities: [{name: "\${ENTITY:driver}", value_type: Int64}]\n`);
    assert.deepEqual(names(await load()), ['driver', '__dummy']);
    assert.deepEqual(names(await load(undefined, { ENTITY: 'zone' })), ['zone', '__dummy']);
    assert.equal((await load())?.project.spec?.description, 'From the file');
    write('definitions.yaml', 'project: {owner: me, description: Own}\n');
    const spec = (await load())?.project.spec;
    assert.deepEqual([spec?.name, spec?.owner, spec?.description], ['p', 'me', 'Own']);
  });

  it('that cannot be found or read say where and why', async () => {
    const missing = /there is no such file or folder\. Correct sideboard\.definitions in feature_store\.yaml/;
    await refused('nothing.yaml', 'DEFINITIONS_NOT_FOUND', missing);
    write('empty/notes.txt', '');
    await refused('empty', 'DEFINITIONS_NOT_FOUND', /empty: there is no \.yaml file in the folder\./);
    write('latin.yaml', Buffer.from('entities: [{name: "\xe9"}]', 'latin1'));
    await refused('latin.yaml', 'DEFINITIONS_UNREADABLE', /latin\.yaml: the file is not UTF-8 text\./);
    write('large.yaml', Buffer.alloc(16_777_217, 0x20));
    await refused(
      'large.yaml',
      'DEFINITIONS_UNREADABLE',
      /has 16777217 bytes; definitions have at most 16777216 in a file\./,
    );
  });

  it('at two of the usual places are refused', async () => {
    write('definitions.yaml', entity('a'));
    write('definitions/a.yaml', entity('a'));
    await refused(
      undefined,
      'DEFINITIONS_UNREADABLE',
      /at several places: definitions\.yaml, definitions\/\. Keep one of them/,
    );
  });

  async function refused(place: string | undefined, code: string, says: RegExp): Promise<void> {
    await assert.rejects(load(place), (error: Error & { code?: string; describe?: () => string }) => {
      assert.equal(error.code, code);
      assert.match(error.describe?.() ?? '', says);
      return true;
    });
  }
});
