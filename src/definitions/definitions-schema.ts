import { z } from 'zod';
import type { FeastType } from '../encoding/feast-type.ts';
import { dummyEntity } from '../registry/dummy-entity.ts';
import {
  annotations,
  complain,
  fieldSchema,
  name,
  tagsExcept,
  tagsKey,
  ttlSchema,
  versionSchema,
} from './field-schemas.ts';
import { fileFormats, fileFormatTag } from './file-format.ts';
import { surrogateKeySchema, surrogateKeyTag } from './surrogate-key.ts';

/*
 * What a file of definitions may hold. Names and defaults are those of the classes of Feast 0.67 behind them; what may stand in
 * them beyond that is what `feast apply` accepts.
 */

/** Types whose values Feast can make an entity key of; with the names of its `ValueType` for the same. */
export const joinKeyTypes = {
  Int64: 'INT64',
  Int32: 'INT32',
  String: 'STRING',
  Bytes: 'BYTES',
  UnixTimestamp: 'UNIX_TIMESTAMP',
} as const;
export type JoinKeyType = keyof typeof joinKeyTypes;

const joinKeyTypeNames = Object.keys(joinKeyTypes) as JoinKeyType[];

export function isJoinKeyType(type: FeastType): boolean {
  return type.kind === 'scalar' && Object.hasOwn(joinKeyTypes, type.name);
}

const valueTypeSchema = z
  .enum([...joinKeyTypeNames, ...Object.values(joinKeyTypes)])
  .meta({
    expected: 'Int64, Int32, String, Bytes or UnixTimestamp',
    description: "Type of the join key; Feast's names of value types (INT64) are read too.",
  })
  .transform(
    (written) => joinKeyTypeNames.find((type) => type === written || joinKeyTypes[type] === written) ?? 'Int64',
  );

const reservedNames = new Set([dummyEntity.name, dummyEntity.joinKey]);

function notReserved(text: string): boolean {
  return !reservedNames.has(text);
}

const ownName = { expected: `text that is not empty, other than ${[...reservedNames].join(' and ')}` };

export const projectSchema = z
  .strictObject({
    ...annotations,
    tags: tagsKey,
  })
  .describe('About the project, whose name is in feature_store.yaml.');

export const entitySchema = z
  .strictObject({
    name: z.string().min(1).refine(notReserved).meta(ownName).describe('Its name, unique among entities.'),
    join_key: z
      .string()
      .min(1)
      .refine(notReserved)
      .meta(ownName)
      .describe('The column that identifies it. Default: its name.')
      .optional(),
    value_type: valueTypeSchema.optional(),
    ...annotations,
    tags: tagsExcept({ [surrogateKeyTag]: 'surrogate_key' })
      .default({})
      .describe('Names and texts of your own.'),
    surrogate_key: surrogateKeySchema.describe('Makes the join key from columns of a request.').optional(),
  })
  .superRefine(({ name, join_key: joinKey = name, surrogate_key: key }, context) => {
    if (key?.columns.includes(joinKey) !== true) return;
    const message = `cannot hold "${joinKey}" itself: a request that sends it sends the key.`;
    complain(context, message, undefined, ['surrogate_key', 'columns']);
  })
  .describe('What features belong to.');
export type EntityDefinition = z.output<typeof entitySchema>;

export const fileSourceSchema = z
  .strictObject({
    type: z.literal('file'),
    name,
    path: z.string().min(1).describe('A file, a folder or an s3:// URL; relative to the folder of feature_store.yaml.'),
    format: z.enum(fileFormats).describe('What the files are. Default: as their names end, else Parquet.').optional(),
    timestamp_field: z.string().min(1).describe('The column with the time of a row.'),
    created_timestamp_column: z
      .string()
      .default('')
      .describe('The column that decides between rows of one time: when they were made.'),
    field_mapping: z
      .record(z.string().min(1), z.string().min(1))
      .meta({ expected: 'a mapping of names to names' })
      .default({})
      .describe("From the files' columns to names of features."),
    s3_endpoint_override: z.string().default('').describe('URL of a service like S3, in place of AWS.'),
    ...annotations,
    tags: tagsExcept({ [fileFormatTag]: 'format' })
      .default({})
      .describe('Names and texts of your own.'),
  })
  .superRefine(({ timestamp_field: event, created_timestamp_column: created }, context) => {
    if (event !== created) return;
    const message = 'is the same column as timestamp_field, which Feast refuses.';
    complain(context, message, 'Remove it.', ['created_timestamp_column']);
  })
  .describe('Rows in files.');

export const pushSourceSchema = z
  .strictObject({
    type: z.literal('push'),
    name,
    batch_source: z.string().min(1).describe('The file source that holds the same rows; views need one.').optional(),
    ...annotations,
    tags: tagsKey,
  })
  .describe('Rows that are pushed.');

export const requestSourceSchema = z
  .strictObject({
    type: z.literal('request'),
    name,
    schema: z.array(fieldSchema).describe('What callers send along.'),
    ...annotations,
    tags: tagsKey,
  })
  .describe('Data of requests, for on-demand views of Feast.');

export const sourceSchema = z
  .discriminatedUnion('type', [fileSourceSchema, pushSourceSchema, requestSourceSchema])
  .describe('Where rows come from.');
export type SourceDefinition = z.output<typeof sourceSchema>;
export type FileSourceDefinition = z.output<typeof fileSourceSchema>;
export type PushSourceDefinition = z.output<typeof pushSourceSchema>;

/** Letters that separate the parts of `view@v2:feature`. */
const viewName = z
  .string()
  .min(1)
  .regex(/^[^@:]+$/)
  .meta({ expected: 'text that is not empty, without @ and :' });

export const featureViewSchema = z
  .strictObject({
    name: viewName.describe('Its name, unique among views, whatever the case of its letters.'),
    entities: z.array(z.string().min(1)).default([]).describe('Names of entities; none for a view with one row.'),
    schema: z
      .array(fieldSchema)
      .min(1)
      .meta({ expected: 'a list of one or more fields' })
      .describe('Features, and join keys where their type is told here.'),
    source: z
      .string()
      .min(1)
      .describe('The file or push source of its rows; none where they are only written.')
      .optional(),
    ttl: ttlSchema.prefault(0),
    online: z.boolean().default(true).describe('Whether it is kept in the online store.'),
    offline: z.boolean().default(false).describe('Whether pushed rows may go to the offline store too.'),
    version: versionSchema.prefault('latest').describe('latest, or the version that is pinned.'),
    enabled: z.boolean().default(true).describe('Whether it may be materialized.'),
    enable_validation: z.boolean().default(false).describe('Whether Feast checks rows against the schema.'),
    org: z.string().default('').describe('The part of the organization that owns it.'),
    ...annotations,
    tags: tagsKey,
  })
  .describe('Features of the same entities from the same source.');
export type FeatureViewDefinition = z.output<typeof featureViewSchema>;

export const projectionSchema = z
  .strictObject({
    view: z.string().min(1).describe('Name of the view.'),
    features: z
      .array(z.string().min(1))
      .min(1)
      .meta({ expected: 'a list of one or more names' })
      .describe('The features taken, in this order. Default: all.')
      .optional(),
    with_name: z.string().min(1).describe('The name that the view has in this service.').optional(),
    join_key_map: z
      .record(z.string().min(1), z.string().min(1))
      .meta({ expected: 'a mapping of join keys to names' })
      .default({})
      .describe("From the view's join keys to the names under which callers send them."),
    version: versionSchema.describe('The version that is pinned. Default: as the view says.').optional(),
  })
  .describe('A view as a service takes it.');

export const featureServiceSchema = z
  .strictObject({
    name,
    features: z
      .array(
        z
          .union([z.string().min(1).describe('view, view:feature, view@v2 or view@v2:feature.'), projectionSchema])
          .meta({ expected: 'a reference such as view or view:feature, or a mapping with the key view' }),
      )
      .min(1)
      .meta({ expected: 'a list of one or more views' })
      .describe('What is taken from which view.'),
    ...annotations,
    tags: tagsKey,
  })
  .describe('Features that are asked for together.');
export type FeatureServiceDefinition = z.output<typeof featureServiceSchema>;

/** A file of definitions. */
export const definitionsSchema = z.strictObject({
  project: projectSchema.optional(),
  entities: z.array(entitySchema).default([]),
  sources: z.array(sourceSchema).default([]),
  feature_views: z.array(featureViewSchema).default([]),
  feature_services: z.array(featureServiceSchema).default([]),
});
export type DefinitionsFile = z.output<typeof definitionsSchema>;
