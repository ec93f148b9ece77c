import { create } from '@bufbuild/protobuf';
import { type Entity, EntitySchema } from '../../gen/feast/core/Entity_pb.ts';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { dummyEntity } from '../registry/dummy-entity.ts';
import { below, type DefinitionFindings, nameOfPlace } from './definition-findings.ts';
import { type EntityDefinition, joinKeyTypes } from './definitions-schema.ts';
import type { Located } from './located-definitions.ts';
import { surrogateKeyTag, surrogateKeyTagValue } from './surrogate-key.ts';

export function joinKeyOf({ name, join_key: joinKey }: EntityDefinition): string {
  return joinKey ?? name;
}

/** UNKNOWN where the definition does not say: as Feast keeps it then. */
export function valueTypeOf({ value_type: type }: EntityDefinition): ValueType_Enum {
  return type === undefined ? ValueType_Enum.INVALID : ValueType_Enum[joinKeyTypes[type]];
}

/** The entities, and the one that Feast puts into every registry for views without any. */
export function entitiesToProto(
  entities: ReadonlyMap<string, Located<EntityDefinition>>,
  project: string,
  findings: DefinitionFindings,
): Entity[] {
  rejectContradictingKeys(entities, findings);
  const messages = [...entities.values()].map(({ value }) => entityToProto(value, project));
  const { name, joinKey } = dummyEntity;
  return [...messages, create(EntitySchema, { spec: { name, joinKey, project } })];
}

function entityToProto(entity: EntityDefinition, project: string): Entity {
  const { name, description, owner, tags, surrogate_key: key } = entity;
  return create(EntitySchema, {
    spec: {
      name,
      project,
      valueType: valueTypeOf(entity),
      joinKey: joinKeyOf(entity),
      description,
      owner,
      tags: key === undefined ? tags : { ...tags, [surrogateKeyTag]: surrogateKeyTagValue(key) },
    },
  });
}

/** A request says no entity: one join key can be made in one way only. */
function rejectContradictingKeys(
  entities: ReadonlyMap<string, Located<EntityDefinition>>,
  findings: DefinitionFindings,
): void {
  const made = new Map<string, Located<string>>();
  for (const { value, place } of entities.values()) {
    if (value.surrogate_key === undefined) continue;
    const joinKey = joinKeyOf(value);
    const way = surrogateKeyTagValue(value.surrogate_key);
    const other = made.get(joinKey);
    if (other === undefined) made.set(joinKey, { value: way, place });
    else if (other.value !== way) {
      const problem = `makes the join key "${joinKey}" in another way than the entity at ${nameOfPlace(other.place)}.`;
      findings.add('DEFINITIONS_INVALID', below(place, 'surrogate_key'), problem);
    }
  }
}
