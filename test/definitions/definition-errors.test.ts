import assert from 'node:assert/strict';
import { DefinitionsError, type DefinitionsErrorCode } from '../../src/definitions/definitions-error.ts';
import { definitionsFromTexts } from '../../src/definitions/load-definitions.ts';
import { definedProject } from '../support/defined-repo.ts';
import { badDocuments } from './bad-documents.ts';
import { badViews } from './bad-views.ts';

function errorOf(run: () => unknown): DefinitionsError {
  try {
    run();
  } catch (error) {
    if (error instanceof DefinitionsError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

describe('definitions are refused, with file, line, column, key and advice:', () => {
  for (const { says, yaml, error } of [...badDocuments, ...badViews]) {
    it(says, () => {
      const refusal = errorOf(() => definitionsFromTexts([{ file: 'D', text: yaml }], { name: 'p' }, { env: {} }));
      assert.deepEqual(refusal.describe().split('\n'), error);
      assert.equal(refusal.violations.length, error.length);
    });
  }

  it('names both files of definitions that stand twice', () => {
    const entity = 'entities:\n  - {name: a, value_type: Int64}\nproject: {owner: me}';
    const refusal = errorOf(() => definedProject(entity, entity));
    assert.deepEqual(refusal.message.split('\n'), [
      'more-1.yaml:2:6: entities.0.name: the entity "a" is defined twice: the other one is at definitions.yaml:2.',
      'more-1.yaml:3:1: project: the project is described twice: the other one is at definitions.yaml:3.',
    ]);
    assert.equal(refusal.code, 'DEFINITIONS_DUPLICATE');
  });

  it('refers to a definition of another file by its file', () => {
    const refusal = errorOf(() =>
      definedProject(
        'entities: [{name: driver}]',
        'feature_views: [{name: v, entities: [drive], schema: [{name: f, dtype: Int64}]}]',
      ),
    );
    assert.match(refusal.describe(), /^more-1\.yaml:1:38: .* Did you mean driver \(definitions\.yaml:1\)\?$/);
  });

  it('tells the code of what was found, and a common one where findings differ', () => {
    const codes: readonly (readonly [yaml: string, code: DefinitionsErrorCode])[] = [
      ['entities: [', 'DEFINITIONS_SYNTAX'],
      [`project: {owner: "\${OWNER}"}`, 'DEFINITIONS_ENV_MISSING'],
      ['entitys: []', 'DEFINITIONS_INVALID'],
      ['entities: [{name: a}, {name: a}]', 'DEFINITIONS_DUPLICATE'],
      ['feature_services: [{name: s, features: [v]}]', 'DEFINITIONS_UNKNOWN_REFERENCE'],
      ['entities: [{name: a}, {name: a}]\nfeature_services: [{name: s, features: [v]}]', 'DEFINITIONS_INVALID'],
    ];
    for (const [yaml, code] of codes) assert.equal(errorOf(() => definedProject(yaml)).code, code, yaml);
  });

  it('shows no value that came out of the environment', () => {
    const text = `project:\n  owner: \${OWNER}\n`;
    const refusal = errorOf(() =>
      definitionsFromTexts([{ file: 'D', text }], { name: 'p' }, { env: { OWNER: '12345' } }),
    );
    assert.equal(refusal.message, `D:2:3: project.owner: expected text, got a number from \${OWNER}.`);
    assert.doesNotMatch(JSON.stringify(refusal.violations), /12345/);
  });
});
