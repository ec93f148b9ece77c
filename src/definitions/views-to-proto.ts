import { create } from '@bufbuild/protobuf';
import { type FeatureSpecV2, FeatureSpecV2Schema } from '../../gen/feast/core/Feature_pb.ts';
import { type FeatureView, FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { formatFeastType, registryTypeFromFeastType } from '../encoding/feast-type.ts';
import { dummyEntity } from '../registry/dummy-entity.ts';
import { below, type DefinitionFindings, nameOfPlace, type Place } from './definition-findings.ts';
import { resolveReference } from './definition-references.ts';
import {
  type EntityDefinition,
  type FeatureViewDefinition,
  isJoinKeyType,
  type SourceDefinition,
} from './definitions-schema.ts';
import { joinKeyOf, valueTypeOf } from './entities-to-proto.ts';
import type { FieldDefinition } from './field-schemas.ts';
import { fieldToProto, rejectDuplicateFields } from './fields-to-proto.ts';
import type { Located, LocatedDefinitions } from './located-definitions.ts';
import type { FileSource, ProjectSources } from './sources-to-proto.ts';

/** A view's message, and what services need to know of it. */
export interface BuiltView {
  readonly message: FeatureView;
  readonly definition: FeatureViewDefinition;
  readonly batchSource: FileSource | undefined;
  readonly joinKeys: readonly string[];
}

/** The message of a view; what is wrong with it is noted, and the message then not to be used. */
export function viewToProto(
  { value: view, place }: Located<FeatureViewDefinition>,
  definitions: LocatedDefinitions,
  sources: ProjectSources,
  project: string,
  findings: DefinitionFindings,
): BuiltView {
  const entities = entitiesOf(view, place, definitions, findings);
  const schema = below(place, 'schema');
  rejectDuplicateFields(view.schema, schema, findings);
  const { columns, features } = splitSchema(view, schema, entities, findings);
  const { written, batch } = sourcesOf(view, place, definitions, sources, findings);
  if (batch !== undefined) rejectMappedColumns(view, schema, batch, findings);
  const joinKeys = entities.length === 0 ? [dummyEntity.joinKey] : entities.map(joinKeyOf);
  const message = create(FeatureViewSchema, {
    spec: {
      name: view.name,
      project,
      entities: entities.length === 0 ? [dummyEntity.name] : view.entities,
      entityColumns: columns,
      features: features.map(fieldToProto),
      tags: view.tags,
      ttl: view.ttl,
      online: view.online,
      offline: view.offline,
      description: view.description,
      owner: view.owner,
      org: view.org,
      enableValidation: view.enable_validation,
      version: view.version,
      disabled: !view.enabled,
      ...(batch === undefined ? {} : { batchSource: sources.inView(batch.value) }),
      ...(written?.type === 'push' ? { streamSource: sources.inView(written) } : {}),
    },
  });
  return { message, definition: view, batchSource: batch, joinKeys };
}

function entitiesOf(
  view: FeatureViewDefinition,
  place: Place,
  definitions: LocatedDefinitions,
  findings: DefinitionFindings,
): EntityDefinition[] {
  const entities: EntityDefinition[] = [];
  const byJoinKey = new Map<string, string>();
  for (const [index, name] of view.entities.entries()) {
    const at = below(place, 'entities', index);
    const entity = resolveReference(name, at, definitions.entities, 'entity', findings)?.value;
    if (entity === undefined) continue;
    const joinKey = joinKeyOf(entity);
    const other = byJoinKey.get(joinKey);
    if (other === name) findings.add('DEFINITIONS_DUPLICATE', at, `the entity "${name}" is named twice.`);
    else if (other !== undefined) {
      const problem = `"${name}" and "${other}" have the same join key, "${joinKey}", which one view cannot hold twice.`;
      findings.add('DEFINITIONS_INVALID', at, problem);
    }
    byJoinKey.set(joinKey, name);
    entities.push(entity);
  }
  return entities;
}

/** Fields that are join keys become entity columns; those of entities that the schema leaves out follow. */
function splitSchema(
  view: FeatureViewDefinition,
  schema: Place,
  entities: readonly EntityDefinition[],
  findings: DefinitionFindings,
): { columns: FeatureSpecV2[]; features: FieldDefinition[] } {
  const columns: FeatureSpecV2[] = [];
  const features: FieldDefinition[] = [];
  let vectors = 0;
  for (const [index, field] of view.schema.entries()) {
    const entity = entities.find((each) => joinKeyOf(each) === field.name);
    if (entity === undefined) {
      features.push(field);
      if (field.vector_index && ++vectors === 2) {
        const problem = 'a view has one field with a vector index at most.';
        findings.add('DEFINITIONS_INVALID', below(schema, index, 'vector_index'), problem);
      }
      continue;
    }
    checkJoinKeyType(field, below(schema, index, 'dtype'), entity, findings);
    columns.push(fieldToProto(field));
  }
  // While references are unknown, what looks like a feature may be a join key.
  if (features.length === 0)
    findings.add('DEFINITIONS_INVALID', schema, 'every field is a join key: a view needs a feature.');
  for (const entity of entities) {
    const joinKey = joinKeyOf(entity);
    if (columns.some(({ name }) => name === joinKey)) continue;
    if (entity.value_type === undefined) {
      const problem = `nothing tells the type of the join key "${joinKey}" of the entity "${entity.name}".`;
      findings.add(
        'DEFINITIONS_INVALID',
        schema,
        problem,
        'Give the entity a value_type, or list the join key here with its dtype.',
      );
    }
    columns.push(create(FeatureSpecV2Schema, { name: joinKey, valueType: valueTypeOf(entity) }));
  }
  if (view.entities.length === 0) {
    columns.push(create(FeatureSpecV2Schema, { name: dummyEntity.joinKey, valueType: ValueType_Enum.STRING }));
  }
  return { columns, features };
}

function checkJoinKeyType(
  field: FieldDefinition,
  place: Place,
  entity: EntityDefinition,
  findings: DefinitionFindings,
): void {
  const written = formatFeastType(field.dtype);
  if (entity.value_type === undefined) {
    if (isJoinKeyType(field.dtype)) return;
    const hint = 'It can be Int64, Int32, String, Bytes or UnixTimestamp.';
    findings.add('DEFINITIONS_INVALID', place, `Feast makes no entity key of a join key of the type ${written}.`, hint);
  } else if (registryTypeFromFeastType(field.dtype).valueType !== valueTypeOf(entity)) {
    const problem = `the join key "${field.name}" is ${written} here and ${entity.value_type} in the entity "${entity.name}".`;
    findings.add('DEFINITIONS_INVALID', place, problem, 'Give both the same type.');
  }
}

function sourcesOf(
  view: FeatureViewDefinition,
  place: Place,
  definitions: LocatedDefinitions,
  sources: ProjectSources,
  findings: DefinitionFindings,
): { written: SourceDefinition | undefined; batch: FileSource | undefined } {
  const nothing = { written: undefined, batch: undefined };
  if (view.source === undefined) return nothing;
  const at = below(place, 'source');
  const found = resolveReference(view.source, at, definitions.sources, 'source', findings);
  if (found === undefined) return nothing;
  const { value: written, place: where } = found;
  if (written.type === 'file') return { written, batch: { value: written, place: where } };
  if (written.type === 'request') {
    const problem = `"${written.name}" is a request source, which has no rows.`;
    findings.add('DEFINITIONS_INVALID', at, problem, 'Name a file or push source.');
    return nothing;
  }
  if (written.batch_source === undefined) {
    const problem = `the push source "${written.name}" has no batch_source, which Feast needs for a view.`;
    findings.add('DEFINITIONS_INVALID', at, problem, `Give it one at ${nameOfPlace(where)}.`);
  }
  return { written, batch: sources.behind(written) };
}

/** A mapping renames a source's column before the view sees it. */
function rejectMappedColumns(
  view: FeatureViewDefinition,
  schema: Place,
  { value: source }: FileSource,
  findings: DefinitionFindings,
): void {
  for (const [index, { name }] of view.schema.entries()) {
    if (!Object.hasOwn(source.field_mapping, name)) continue;
    const renamed = source.field_mapping[name];
    const problem = `the field_mapping of the source "${source.name}" renames "${name}" to "${renamed}".`;
    const hint = `Call the field ${renamed}, or remove the mapping.`;
    findings.add('DEFINITIONS_INVALID', below(schema, index, 'name'), problem, hint);
  }
}
