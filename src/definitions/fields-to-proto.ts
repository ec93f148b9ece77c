import { create } from '@bufbuild/protobuf';
import { type FeatureSpecV2, FeatureSpecV2Schema } from '../../gen/feast/core/Feature_pb.ts';
import { registryTypeFromFeastType } from '../encoding/feast-type.ts';
import { below, type DefinitionFindings, nameOfPlace, type Place } from './definition-findings.ts';
import type { FieldDefinition } from './field-schemas.ts';

export function fieldToProto(field: FieldDefinition): FeatureSpecV2 {
  const { valueType, tags } = registryTypeFromFeastType(field.dtype);
  return create(FeatureSpecV2Schema, {
    name: field.name,
    valueType,
    description: field.description,
    tags: { ...field.tags, ...tags },
    vectorIndex: field.vector_index,
    vectorLength: field.vector_length,
    vectorSearchMetric: field.vector_search_metric,
  });
}

/** Notes fields of one name. */
export function rejectDuplicateFields(
  fields: readonly FieldDefinition[],
  schema: Place,
  findings: DefinitionFindings,
): void {
  const seen = new Map<string, number>();
  for (const [index, { name }] of fields.entries()) {
    const earlier = seen.get(name);
    if (earlier === undefined) {
      seen.set(name, index);
      continue;
    }
    const other = nameOfPlace(below(schema, earlier));
    const problem = `the field "${name}" is defined twice: the other one is at ${other}.`;
    findings.add('DEFINITIONS_DUPLICATE', below(schema, index, 'name'), problem);
  }
}
