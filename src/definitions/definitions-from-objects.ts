import type { z } from 'zod';
import { type DataSource, DataSource_SourceType } from '../../gen/feast/core/DataSource_pb.ts';
import type { Entity } from '../../gen/feast/core/Entity_pb.ts';
import type { FeatureSpecV2 } from '../../gen/feast/core/Feature_pb.ts';
import type { FeatureService } from '../../gen/feast/core/FeatureService_pb.ts';
import type { FeatureView } from '../../gen/feast/core/FeatureView_pb.ts';
import type { FeatureViewProjection } from '../../gen/feast/core/FeatureViewProjection_pb.ts';
import type { Project } from '../../gen/feast/core/Project_pb.ts';
import { feastTypeFromRegistry, formatFeastType, nestedTypeTag, structSchemaTag } from '../encoding/feast-type.ts';
import { valueTypeName } from '../encoding/value-type.ts';
import { dummyEntity } from '../registry/dummy-entity.ts';
import {
  type entitySchema,
  type featureServiceSchema,
  type featureViewSchema,
  type JoinKeyType,
  joinKeyTypes,
  type projectionSchema,
  type projectSchema,
  type sourceSchema,
} from './definitions-schema.ts';
import type { fieldSchema } from './field-schemas.ts';
import { declaredFileFormat, fileFormatTag } from './file-format.ts';
import { surrogateKeyFromTag, surrogateKeyTag } from './surrogate-key.ts';
import { ttlFromSpan } from './ttl-text.ts';

/*
 * Objects of a registry as definitions would write them: what has its default is left out. Each function takes for granted that
 * definitions can say the object; whether the result says it exactly is found by reading it back.
 */

type Written<S extends z.ZodType> = z.input<S>;
type Annotated = {
  readonly description: string;
  readonly owner: string;
  readonly tags: Readonly<Record<string, string>>;
};

function annotationsOf({ description, owner, tags }: Annotated, ownTags: readonly string[] = []) {
  const kept = Object.entries(tags).filter(([tag]) => !ownTags.includes(tag));
  return {
    ...(description === '' ? {} : { description }),
    ...(owner === '' ? {} : { owner }),
    ...(kept.length === 0 ? {} : { tags: Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1))) }),
  };
}

export function projectDefinition({ spec }: Project): Written<typeof projectSchema> {
  return spec === undefined ? {} : annotationsOf(spec);
}

export function entityDefinition({ spec }: Entity): Written<typeof entitySchema> | undefined {
  if (spec === undefined) return undefined;
  const name = valueTypeName(spec.valueType);
  const type = (Object.keys(joinKeyTypes) as JoinKeyType[]).find((each) => joinKeyTypes[each] === name);
  const key = surrogateKeyFromTag(spec.tags[surrogateKeyTag] ?? '');
  return {
    name: spec.name,
    ...(spec.joinKey === spec.name ? {} : { join_key: spec.joinKey }),
    ...(type === undefined ? {} : { value_type: type }),
    ...annotationsOf(spec, [surrogateKeyTag]),
    ...(key === undefined ? {} : { surrogate_key: key }),
  };
}

export function sourceDefinition(source: DataSource): Written<typeof sourceSchema> | undefined {
  switch (source.type) {
    case DataSource_SourceType.BATCH_FILE:
      return fileSourceDefinition(source);
    case DataSource_SourceType.PUSH_SOURCE: {
      const batch = source.batchSource?.name;
      const more = batch === undefined ? {} : { batch_source: batch };
      return { name: source.name, type: 'push', ...more, ...annotationsOf(source) };
    }
    case DataSource_SourceType.REQUEST_SOURCE: {
      if (source.options.case !== 'requestDataOptions') return undefined;
      const schema = fieldDefinitions(source.options.value.schema);
      return schema && { name: source.name, type: 'request', schema, ...annotationsOf(source) };
    }
    default:
      return undefined;
  }
}

function fileSourceDefinition(source: DataSource): Written<typeof sourceSchema> | undefined {
  const format = declaredFileFormat(source);
  if (source.options.case !== 'fileOptions' || format === 'delta') return undefined;
  const { uri, s3EndpointOverride } = source.options.value;
  const mapping = Object.entries(source.fieldMapping);
  return {
    name: source.name,
    type: 'file',
    path: uri,
    ...(format === undefined ? {} : { format }),
    timestamp_field: source.timestampField,
    ...(source.createdTimestampColumn === '' ? {} : { created_timestamp_column: source.createdTimestampColumn }),
    ...(mapping.length === 0
      ? {}
      : { field_mapping: Object.fromEntries(mapping.sort(([a], [b]) => (a < b ? -1 : 1))) }),
    ...(s3EndpointOverride === '' ? {} : { s3_endpoint_override: s3EndpointOverride }),
    ...annotationsOf(source, [fileFormatTag]),
  };
}

export function viewDefinition(
  { spec }: FeatureView,
  entities: ReadonlyMap<string, Entity>,
): Written<typeof featureViewSchema> | undefined {
  if (spec === undefined) return undefined;
  const names = spec.entities.filter((name) => name !== dummyEntity.name);
  const columns = areImplied(spec.entityColumns, names, entities) ? [] : spec.entityColumns;
  const schema = fieldDefinitions([...columns, ...spec.features]);
  if (schema === undefined) return undefined;
  const source = spec.streamSource ?? spec.batchSource;
  return {
    name: spec.name,
    ...(names.length === 0 ? {} : { entities: names }),
    ...(spec.ttl === undefined || (spec.ttl.seconds === 0n && spec.ttl.nanos === 0)
      ? {}
      : { ttl: ttlFromSpan(spec.ttl) }),
    ...(source === undefined ? {} : { source: source.name }),
    schema,
    ...(spec.online ? {} : { online: false }),
    ...(spec.offline ? { offline: true } : {}),
    ...(spec.version === '' || spec.version === 'latest' ? {} : { version: spec.version }),
    ...(spec.disabled ? { enabled: false } : {}),
    ...(spec.enableValidation ? { enable_validation: true } : {}),
    ...(spec.org === '' ? {} : { org: spec.org }),
    ...annotationsOf(spec),
  };
}

/** Whether columns are what the entities make of a schema that lists no join key. */
function areImplied(
  columns: readonly FeatureSpecV2[],
  names: readonly string[],
  entities: ReadonlyMap<string, Entity>,
): boolean {
  if (names.length === 0) return true;
  return (
    columns.length === names.length &&
    names.every((name, index) => {
      const entity = entities.get(name)?.spec;
      const column = columns[index];
      const plain = column?.description === '' && Object.keys(column.tags).length === 0;
      return plain && column.name === entity?.joinKey && column.valueType === entity.valueType;
    })
  );
}

function fieldDefinitions(fields: readonly FeatureSpecV2[]): Written<typeof fieldSchema>[] | undefined {
  const written: Written<typeof fieldSchema>[] = [];
  for (const field of fields) {
    const dtype = feastTypeFromRegistry(field.valueType, field.tags);
    if (dtype === undefined) return undefined;
    const { vectorIndex, vectorLength, vectorSearchMetric } = field;
    const { description, tags } = annotationsOf({ ...field, owner: '' }, [structSchemaTag, nestedTypeTag]);
    written.push({
      name: field.name,
      dtype: formatFeastType(dtype),
      ...(description === undefined ? {} : { description }),
      ...(tags === undefined ? {} : { tags }),
      ...(vectorIndex ? { vector_index: true } : {}),
      ...(vectorLength === 0 ? {} : { vector_length: vectorLength }),
      ...(vectorSearchMetric === '' ? {} : { vector_search_metric: vectorSearchMetric }),
    });
  }
  return written;
}

export function serviceDefinition(
  { spec }: FeatureService,
  views: ReadonlyMap<string, FeatureView>,
): Written<typeof featureServiceSchema> | undefined {
  if (spec === undefined) return undefined;
  const features = spec.features.map((projection) => projectionDefinition(projection, views));
  return { name: spec.name, features, ...annotationsOf(spec) };
}

function projectionDefinition(
  projection: FeatureViewProjection,
  views: ReadonlyMap<string, FeatureView>,
): string | Written<typeof projectionSchema> {
  const { featureViewName: view, featureViewNameAlias: alias, joinKeyMap, versionTag } = projection;
  const chosen = projection.featureColumns.map(({ name }) => name);
  const current = views.get(view)?.spec;
  const whole = versionTag === undefined && sameNames(chosen, current?.features.map(({ name }) => name) ?? []);
  const renamed = Object.entries(joinKeyMap);
  if (whole && alias === '' && renamed.length === 0) return view;
  return {
    view,
    ...(whole ? {} : { features: chosen }),
    ...(alias === '' ? {} : { with_name: alias }),
    ...(renamed.length === 0 ? {} : { join_key_map: Object.fromEntries(renamed) }),
    ...(versionTag === undefined ? {} : { version: `v${versionTag}` }),
  };
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index]);
}
