import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configErrors } from '../../src/config/config-error.ts';
import {
  entityKeyVersionSchema,
  fileRegistrySchema,
  kubernetesAuthSchema,
  oidcAuthSchema,
  projectSchema,
  providerSchema,
  remoteRegistrySchema,
  sqlRegistrySchema,
  untouchedKeys,
} from '../../src/config/feast-schema.ts';
import { featureStoreConfigFromText } from '../../src/config/feature-store-config.ts';
import { sideboardSchema, storeSectionNames } from '../../src/config/sideboard-schema.ts';
import { codeRows } from '../support/page-tables.ts';
import { projectRoot } from '../support/project-root.ts';
import { type SchemaSetting, settingOf, settingsOfSchema } from '../support/schema-settings.ts';

const page = readFileSync(join(projectRoot, 'docs', 'reference', 'configuration.md'), 'utf8');

const rows = codeRows(page);

const documented: SchemaSetting[] = rows
  .filter((cells) => cells.length === 4)
  .map(([key = '', type = '', fallback = '']) => ({ key: key.replaceAll('`', ''), type, fallback }));

/** Kept as they stand, by whoever reads them: documented in prose, or on a page of their own. */
const elsewhere = new Set<string>(storeSectionNames.map((name) => `sideboard.${name}`));

function settingsOfTheFile(): SchemaSetting[] {
  const all = [
    settingOf(projectSchema, 'project'),
    settingOf(providerSchema, 'provider'),
    settingOf(entityKeyVersionSchema, 'entity_key_serialization_version'),
    ...[fileRegistrySchema, sqlRegistrySchema, remoteRegistrySchema].flatMap((each) =>
      settingsOfSchema(each, 'registry'),
    ),
    ...[oidcAuthSchema, kubernetesAuthSchema].flatMap((each) => settingsOfSchema(each, 'auth')),
    ...settingsOfSchema(sideboardSchema, 'sideboard'),
  ];
  const distinct = new Map(all.map((setting) => [setting.key, setting]));
  return [...distinct.values()].filter(({ key }) => !elsewhere.has(key));
}

describe('docs/reference/configuration.md', () => {
  const byKey = (a: SchemaSetting, b: SchemaSetting): number => (a.key < b.key ? -1 : 1);

  it('lists every setting of the schemas with its type and default, and no other', () => {
    assert.deepEqual([...documented].sort(byKey), settingsOfTheFile().sort(byKey));
  });

  it('says what every setting means', () => {
    for (const cells of rows) assert.match(cells.at(-1) ?? '', /^[A-Z`].{8,}\.$/, cells[0]);
  });

  it('names every key that is left untouched, and every store with settings of its own', () => {
    for (const key of untouchedKeys) assert.ok(page.includes(`\`${key}\``), key);
    for (const name of storeSectionNames) assert.ok(page.includes(`\`sideboard.${name}\``), name);
  });

  it('lists every error code with its meaning, and no other', () => {
    const codes = rows.filter(([key = '']) => key.startsWith('`CONFIG_')).map((cells) => cells.join(' '));
    assert.deepEqual(
      codes,
      Object.entries(configErrors).map(([code, { summary }]) => `\`${code}\` ${summary}`),
    );
  });

  it('shows files that load', () => {
    const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => yaml);
    assert.ok(blocks.length > 0);
    const env = { REDIS_PASSWORD: 'x' };
    for (const yaml of blocks) featureStoreConfigFromText(yaml, { file: 'feature_store.yaml', env });
  });

  it('shows the error that its example gives', () => {
    const [, yaml = '', text = ''] = /```yml\n([\s\S]*?)```[\s\S]*?```text\n([\s\S]*?)\n```/.exec(page) ?? [];
    assert.throws(
      () => featureStoreConfigFromText(yaml, { file: 'feature_store.yaml', env: {} }),
      (error) => error instanceof Error && error.message === text,
    );
  });
});
