import { hash } from 'node:crypto';
import type { SurrogateAlgorithm } from '../config/entity-key-schema.ts';
import { polarsFloatText } from '../encoding/polars-text.ts';
import { xxh3x64 } from '../encoding/xxh3.ts';

/**
 * The surrogate keys that mlforge's engines make from columns.
 *
 *     polars-…       XXH3 (64 bits, seeded) of the columns' texts, "__NULL__" for a null, joined by "||"; in decimal digits
 *     sha256-spark   SHA-256 of the columns' texts, nulls left out, joined by "__"; in hexadecimal digits
 *
 * The texts are those that the engine casts a column to. The seed is polars' own, and changed with its versions.
 * Learnt from the recorded vectors in test/golden/mlforge; see docs/reference/configuration.md.
 */

const SEEDS: Readonly<Record<Exclude<SurrogateAlgorithm, 'sha256-spark'>, bigint>> = {
  'polars-0.20': 0x3397_0664_7abc_9baen,
  'polars-1': 0x6a4b_2cdc_0533_e2d6n,
  'polars-2.0': 0xbc39_7f68_f6fc_ff43n,
};

const encoder = new TextEncoder();

/** @param texts one per column, null for a null; see {@link columnText} */
export function surrogateKey(algorithm: SurrogateAlgorithm, texts: readonly (string | null)[]): string {
  if (algorithm === 'sha256-spark') {
    return hash('sha256', texts.filter((text) => text !== null).join('__'), 'hex');
  }
  const joined = texts.map((text) => text ?? '__NULL__').join('||');
  return xxh3x64(encoder.encode(joined), SEEDS[algorithm]).toString();
}

/** A value of a column. A 32-bit number says so: it has fewer digits than the same number in 64 bits. */
export type ColumnValue = string | bigint | boolean | null | { readonly float: number; readonly bits: 32 | 64 };

/** The text that the engine casts a value to; `undefined` where that is not known. */
export function columnText(value: ColumnValue, algorithm: SurrogateAlgorithm): string | null | undefined {
  if (value === null || typeof value === 'string') return value;
  if (typeof value !== 'object') return String(value);
  // What Spark writes depends on the version of Java that it runs on.
  return algorithm === 'sha256-spark' ? undefined : polarsFloatText(value.float, value.bits);
}
