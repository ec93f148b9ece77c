import assert from 'node:assert/strict';
import type { EntityKeyDeclaration } from '../../src/config/entity-key-schema.ts';
import { entityKeysInForce, surrogateKeyFromTag, surrogateKeyTag } from '../../src/definitions/surrogate-key.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { definedProject, registryOfDefinitions } from '../support/defined-repo.ts';
import { registryOf } from '../support/registries.ts';

/** A registry whose entities `a`, `b` and so on have one join key and these tags. */
function registryWithTags(...tags: readonly string[]): RegistrySnapshot {
  const entities = tags.map((tag, index) => {
    return { spec: { name: 'abc'[index] ?? '', project: 'p', joinKey: 'id', tags: { [surrogateKeyTag]: tag } } };
  });
  return createRegistrySnapshot(registryOf({ entities }), 'p', 1);
}

const configured: EntityKeyDeclaration = { joinKey: 'id', fromColumns: ['x', 'y'], algorithm: 'polars-1' };

describe('join keys that are made from columns', () => {
  it('go from YAML through the registry to serving', () => {
    const project = definedProject(
      'entities: [{name: user, join_key: id, value_type: String, surrogate_key: {columns: [x, y], algorithm: polars-2.0}}]',
    );
    assert.equal(project.entities[0]?.spec?.tags[surrogateKeyTag], '{"columns":["x","y"],"algorithm":"polars-2.0"}');
    const registry = createRegistrySnapshot(registryOfDefinitions(project), 'p', 1);
    const { entityKeys, warnings } = entityKeysInForce([], registry);
    assert.deepEqual([...entityKeys.values()], [{ joinKey: 'id', fromColumns: ['x', 'y'], algorithm: 'polars-2.0' }]);
    assert.deepEqual(warnings, []);
  });

  it('are those of feature_store.yaml where both declare one, silently where both say the same', () => {
    const same = entityKeysInForce([configured], registryWithTags('{"columns":["x","y"]}'));
    assert.deepEqual(same, { entityKeys: new Map([['id', configured]]), warnings: [] });
    const other = entityKeysInForce([configured], registryWithTags('{"columns":["y","x"]}'));
    assert.deepEqual(other.entityKeys, new Map([['id', configured]]));
    assert.deepEqual(other.warnings, [
      "sideboard.entity_keys.id says another way than the registry's entity to make the join key; it is used.",
    ]);
  });

  it('are none where two entities contradict each other, one of them cannot be read, or one holds itself', () => {
    for (const tags of [
      ['{"columns":["x"]}', '{"columns":["y"]}'],
      ['{"columns":["x"]}', '{"columns":["x"],"algorithm":"sha256-spark"}', '{"columns":["x"]}'],
      ['{"columns":["x"]}', 'x'],
      ['{"columns":["id"]}'],
    ]) {
      const { entityKeys, warnings } = entityKeysInForce([], registryWithTags(...tags));
      assert.equal(entityKeys.size, 0, tags.join());
      assert.equal(warnings.length > 0, true);
    }
  });

  it('are read from tags of a known form only', () => {
    assert.deepEqual(surrogateKeyFromTag('{"columns":["x"]}'), { columns: ['x'], algorithm: 'polars-1' });
    for (const tag of [
      '',
      'x',
      '[]',
      '{}',
      '{"columns":[]}',
      '{"columns":["x"],"more":1}',
      '{"columns":["x"],"algorithm":"md5"}',
    ]) {
      assert.equal(surrogateKeyFromTag(tag), undefined, tag);
    }
  });
});
