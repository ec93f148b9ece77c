import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { featureStoreConfigFromText } from '../../src/config/feature-store-config.ts';
import { definitionsErrors } from '../../src/definitions/definitions-error.ts';
import {
  definitionsSchema,
  entitySchema,
  featureServiceSchema,
  featureViewSchema,
  fileSourceSchema,
  projectionSchema,
  projectSchema,
  pushSourceSchema,
  requestSourceSchema,
} from '../../src/definitions/definitions-schema.ts';
import { fieldSchema } from '../../src/definitions/field-schemas.ts';
import { definitionsFromTexts } from '../../src/definitions/load-definitions.ts';
import { scalarNames } from '../../src/encoding/feast-type.ts';
import { isTypeFault, parseFeastType } from '../../src/encoding/feast-type-text.ts';
import { codeRows } from '../support/page-tables.ts';
import { projectRoot } from '../support/project-root.ts';
import { type SchemaSetting, settingsOfSchema } from '../support/schema-settings.ts';

const page = readFileSync(join(projectRoot, 'docs', 'reference', 'definitions.md'), 'utf8');

const rows = codeRows(page);

const isType = ([name = '']: readonly string[]): boolean => /^`[A-Z][a-z]\w*`$/.test(name);

/** Every table of keys, in the order of the page. */
const tables: readonly (readonly [prefix: string, schema: z.core.$ZodType])[] = [
  ['project', projectSchema],
  ['entities', entitySchema],
  ['sources', fileSourceSchema],
  ['sources', pushSourceSchema],
  ['sources', requestSourceSchema],
  ['feature_views', featureViewSchema],
  ['schema', fieldSchema],
  ['feature_services', featureServiceSchema],
  ['features', projectionSchema],
];

/** The order of keys is the page's own. */
const byTable = (settings: readonly SchemaSetting[]): readonly string[] =>
  settings.map(({ key, type, fallback }) => `${key} | ${type} | ${fallback}`).sort();

describe('docs/reference/definitions.md', () => {
  it('lists every key of the schemas with its type and default, and no other', () => {
    const documented = rows
      .filter((cells) => cells.length === 4 && !isType(cells))
      .map(([key = '', type = '', fallback = '']) => ({ key: key.replaceAll('`', ''), type, fallback }));
    const known = tables.flatMap(([prefix, schema]) => settingsOfSchema(schema, prefix));
    assert.deepEqual(byTable(documented), byTable(known));
  });

  it('has a section for everything that a file may hold', () => {
    for (const section of Object.keys(definitionsSchema.shape))
      assert.ok(page.includes(`\n## \`${section}\`\n`), section);
  });

  it('says what every key means', () => {
    for (const cells of rows.filter((each) => each.length === 4)) {
      assert.match(cells.at(-1) ?? '', /^[A-Z`[].{3,}\.$/, cells[0]);
    }
  });

  it('lists every type, and what may stand in Array and Set', () => {
    const types = rows.filter(isType);
    assert.deepEqual(types.map(([name = '']) => name.replaceAll('`', '')).sort(), [...scalarNames, 'Struct'].sort());
    for (const [cell = '', inArray, inSet] of types) {
      const name = cell === '`Struct`' ? 'Struct({a: Int64})' : cell.replaceAll('`', '');
      assert.equal(isTypeFault(parseFeastType(`Array(${name})`)), inArray === 'no', name);
      assert.equal(isTypeFault(parseFeastType(`Set(${name})`)), inSet === 'no', name);
    }
  });

  it('lists every error code with its meaning, and no other', () => {
    const codes = rows.filter(([key = '']) => key.startsWith('`DEFINITIONS_')).map((cells) => cells.join(' '));
    assert.deepEqual(
      codes,
      Object.entries(definitionsErrors).map(([code, { summary }]) => `\`${code}\` ${summary}`),
    );
  });

  it('shows definitions that load', () => {
    const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => yaml);
    assert.equal(blocks.length, 2);
    for (const text of blocks) {
      definitionsFromTexts([{ file: 'definitions.yaml', text }], { name: 'drivers' }, { env: {} });
    }
  });

  it('shows the error that its example gives', () => {
    const [, yml = '', text = ''] = /```yml\n([\s\S]*?)```[\s\S]*?```text\n([\s\S]*?)\n```/.exec(page) ?? [];
    assert.throws(
      () => definitionsFromTexts([{ file: 'definitions.yaml', text: yml }], { name: 'drivers' }, { env: {} }),
      (error) => error instanceof Error && error.message === text,
    );
  });

  it('is where feature_store.yaml’s setting says', () => {
    const text = 'project: p\nregistry: r.db\nsideboard: {definitions: features/}\n';
    const { sideboard } = featureStoreConfigFromText(text, { file: '/repo/feature_store.yaml', env: {} });
    assert.equal(sideboard.definitions, 'features/');
    assert.ok(page.includes('`sideboard.definitions`'));
  });
});
