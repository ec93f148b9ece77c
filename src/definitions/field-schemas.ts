import { z } from 'zod';
import { nearestName } from '../config/nearest-name.ts';
import { type FeastType, nestedTypeTag, scalarNames, structSchemaTag, typeNames } from '../encoding/feast-type.ts';
import { isTypeFault, parseFeastType } from '../encoding/feast-type-text.ts';
import { type Span, spanFromTtl, ttlPattern } from './ttl-text.ts';

/** Adds what is wrong and what to do about it, where zod's own words would not do. */
export function complain(context: z.RefinementCtx, message: string, hint?: string, path: readonly string[] = []): void {
  context.addIssue({ code: 'custom', message, path: [...path], ...(hint === undefined ? {} : { params: { hint } }) });
}

export const name = z.string().min(1).describe('Its name, unique among its kind in the project.');

export const tagsSchema = z.record(z.string().min(1), z.string()).meta({ expected: 'a mapping of names to texts' });

/** Tags of which the given ones have a key of their own. */
export function tagsExcept(reserved: Readonly<Record<string, string>>): typeof tagsSchema {
  return tagsSchema.superRefine((tags, context) => {
    for (const tag of Object.keys(tags)) {
      const key = Object.hasOwn(reserved, tag) ? reserved[tag] : undefined;
      if (key !== undefined)
        complain(context, `the registry keeps ${key} under this tag.`, `Use the key ${key}.`, [tag]);
    }
  });
}

/** What every kind of definition may have. */
export const annotations = {
  description: z.string().default('').describe('What it is, in words.'),
  owner: z.string().default('').describe('Who answers for it, usually an e-mail address.'),
};

export const tagsKey = tagsSchema.default({}).describe('Names and texts of your own.');

/** A type in Feast's spelling, read into its parts. */
export const dtypeSchema = z
  .string()
  .meta({
    expected: 'a type such as Int64 or Array(String)',
    description: `Feast's name of the type: ${typeNames.join(', ')}; put Struct(…) in quotes.`,
    pattern: `^\\s*(?:(?:${scalarNames.join('|')})|(?:Array|Set)\\(.+\\)|Struct\\(\\{.+\\}\\))\\s*$`,
  })
  .transform((text, context): FeastType => {
    const parsed = parseFeastType(text);
    if (!isTypeFault(parsed)) return parsed;
    complain(context, `${parsed.fault}.`, parsed.word === undefined ? undefined : typeHint(parsed.word));
    return z.NEVER;
  });

/** What other systems, and Feast's own registry, call the types. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  DOUBLE: 'Float64',
  FLOAT: 'Float32',
  LONG: 'Int64',
  BIGINT: 'Int64',
  INT: 'Int64 or Int32',
  INTEGER: 'Int64 or Int32',
  TEXT: 'String',
  STR: 'String',
  VARCHAR: 'String',
  BOOLEAN: 'Bool',
  TIMESTAMP: 'UnixTimestamp',
  DATETIME: 'UnixTimestamp',
  BINARY: 'Bytes',
  LIST: 'Array(…)',
};

function typeHint(word: string): string {
  const plain = word.replaceAll('_', '').toLowerCase();
  const meant =
    typeNames.find((known) => known.toLowerCase() === plain) ??
    (Object.hasOwn(OTHER_NAMES, word.toUpperCase()) ? OTHER_NAMES[word.toUpperCase()] : undefined) ??
    nearestName(word, typeNames);
  return meant === undefined ? `Known: ${typeNames.join(', ')}.` : `Did you mean ${meant}?`;
}

/** A column with its type. */
export const fieldSchema = z
  .strictObject({
    name: z.string().min(1).describe('The name of the feature, join key or column.'),
    dtype: dtypeSchema,
    description: annotations.description,
    tags: tagsExcept({ [structSchemaTag]: 'dtype', [nestedTypeTag]: 'dtype' })
      .default({})
      .describe('Names and texts of your own.'),
    vector_index: z.boolean().default(false).describe('Whether it is indexed for vector search; one per view.'),
    vector_length: z.int().min(0).max(2_147_483_647).default(0).describe('Numbers in a vector.'),
    vector_search_metric: z
      .string()
      .default('')
      .describe('Distance by which vectors are compared, such as COSINE or L2.'),
  })
  .describe('A column with its type.');
export type FieldDefinition = z.output<typeof fieldSchema>;

/** A span of time: text such as `2h30m`, or seconds. */
export const ttlSchema = z
  .union([z.number().min(0), z.string().meta({ pattern: ttlPattern })])
  .meta({
    expected: 'a time such as 1d, 2h30m or 3600 (seconds)',
    description: 'How long a value counts after its event time: 1d, 2h30m, or a number of seconds. 0 means for ever.',
  })
  .transform((written, context): Span => {
    const span = spanFromTtl(written);
    if (span !== undefined) return span;
    context.addIssue({ code: 'custom', message: 'Invalid input' });
    return z.NEVER;
  });

/** Which version of a view: as Feast writes it. */
export const versionSchema = z
  .union([z.string().regex(/^(?:latest|v(?:ersion)?\d{1,9})$/i), z.int().min(0).max(999_999_999)])
  .meta({ expected: 'latest, v1, v2 and so on' })
  .transform((written) => (typeof written === 'number' ? `v${written}` : written));

/** The number of a pinned version; nothing for `latest`. */
export function pinnedVersion(version: string): number | undefined {
  const [, digits] = /^v(?:ersion)?(\d+)$/i.exec(version) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
