import { z } from 'zod';

/**
 * How mlforge's engines make a surrogate key from columns. `polars-…` are named after the versions of polars whose hash of a text
 * they are: 0.20 to 1.20, 1.35 to 1.44, and 2.0. `sha256-spark` is what its PySpark engine does.
 */
export const surrogateAlgorithms = ['polars-1', 'polars-2.0', 'polars-0.20', 'sha256-spark'] as const;
export type SurrogateAlgorithm = (typeof surrogateAlgorithms)[number];

export const surrogateAlgorithmSchema = z
  .string()
  .meta({ expected: `${surrogateAlgorithms.slice(0, -1).join(', ')} or ${surrogateAlgorithms.at(-1)}` })
  .default('polars-1')
  .superRefine((name, context) => {
    if (isAlgorithm(name)) return;
    const known = `${surrogateAlgorithms.slice(0, -1).join(', ')} or ${surrogateAlgorithms.at(-1)}`;
    const newer = /^polars-2\.[1-9]/.test(name);
    const why = `polars hashes texts in another way since 2.1. Let callers send the join key itself, or build with ${known}.`;
    context.addIssue({ code: 'custom', message: newer ? why : `expected ${known}.` });
  })
  .transform((name): SurrogateAlgorithm => (isAlgorithm(name) ? name : 'polars-1'));

function isAlgorithm(name: string): name is SurrogateAlgorithm {
  return surrogateAlgorithms.some((known) => known === name);
}

/** Columns that a join key is made from, in the order in which they are hashed. */
export const surrogateColumnsSchema = z
  .array(z.string().min(1))
  .min(1)
  .meta({ expected: 'a list of one or more column names' });

/** How one join key is made from columns: mlforge's `entity_key(*from_columns, alias=…)`, the alias being its key in the mapping. */
export const entityKeySchema = z.strictObject({
  from_columns: surrogateColumnsSchema,
  algorithm: surrogateAlgorithmSchema,
});

/** Entity keys by the join key that they fill. */
export const entityKeysSchema = z.record(z.string().min(1), entityKeySchema).superRefine((keys, context) => {
  for (const [joinKey, { from_columns: columns }] of Object.entries(keys)) {
    if (!columns.includes(joinKey)) continue;
    const message = `cannot hold "${joinKey}" itself: a request that sends it sends the key.`;
    context.addIssue({ code: 'custom', path: [joinKey, 'from_columns'], message });
  }
});

/** A join key that callers may leave to Sideboard, sending the columns that it is made from. */
export interface EntityKeyDeclaration {
  readonly joinKey: string;
  /** In the order in which they are hashed. */
  readonly fromColumns: readonly string[];
  readonly algorithm: SurrogateAlgorithm;
}

export function entityKeysFromSchema(parsed: z.output<typeof entityKeysSchema>): readonly EntityKeyDeclaration[] {
  const declarations = Object.entries(parsed).map(([joinKey, { from_columns, algorithm }]) => {
    return Object.freeze({ joinKey, fromColumns: Object.freeze([...from_columns]), algorithm });
  });
  return Object.freeze(declarations);
}
