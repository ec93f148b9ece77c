import { z } from 'zod';

/*
 * Feast's own classes declare most numbers and flags of `feature_store.yaml` so that pydantic also reads them out of text:
 * `port: "5432"`, or a quoted variable. These schemas read what pydantic 2 reads in its lax mode (`str_as_int`, `str_as_float`
 * and `str_to_bool` of pydantic-core; samples in test/golden/config/lax_settings.jsonl). What Feast declares as StrictInt or
 * StrictBool, and Sideboard's own settings, use zod's schemas as they are.
 */

/** A whole number: also as text, with single `_` between digits and with zeros behind a point, and a flag as 0 or 1. */
export function laxInt(schema: z.ZodNumber = z.int()) {
  return z.preprocess((value) => (typeof value === 'string' ? intFromText(value) : numberFromFlag(value)), schema);
}

/** A number: also as text, with fraction and exponent, and a flag as 0 or 1. */
export function laxNumber(schema: z.ZodNumber = z.number()) {
  return z.preprocess((value) => (typeof value === 'string' ? numberFromText(value) : numberFromFlag(value)), schema);
}

/** A flag: also as one of the words that pydantic knows, in any case but without blanks, and as 0 or 1. */
export function laxBoolean() {
  return z.preprocess(flagFromValue, z.boolean());
}

// Each of these gives what it cannot read back as it is: the schema behind refuses it.

function numberFromFlag(value: unknown): unknown {
  return typeof value === 'boolean' ? Number(value) : value;
}

/** In front of the first digit that counts, pydantic skips zeros and any number of `_`. */
const INT = /^[+-]?(?:0[0_]*(?=\d))?\d+(?:_\d+)*(?:\.0+)?$/;

function intFromText(text: string): unknown {
  const trimmed = withoutBlanks(text);
  // Python's integers have no -0, which the addition takes off.
  return INT.test(trimmed) ? Number(trimmed.replaceAll('_', '')) + 0 : text;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** A `_` may stand anywhere but at the ends and beside another one; with it there may be no blanks. */
function numberFromText(text: string): unknown {
  const digits = text.includes('_') ? withoutUnderscores(text) : withoutBlanks(text);
  return NUMBER.test(digits) ? Number(digits) : text;
}

function withoutUnderscores(text: string): string {
  return /^_|__|_$/.test(text) ? text : text.replaceAll('_', '');
}

/** What Unicode calls white space; `trim()` differs from it in two characters. */
function withoutBlanks(text: string): string {
  return text.replace(/^\p{White_Space}+/u, '').replace(/\p{White_Space}+$/u, '');
}

function flagFromValue(value: unknown): unknown {
  if (value === 0 || value === 1) return value === 1;
  if (typeof value !== 'string') return value;
  if (/^(?:1|t|true|y|yes|on)$/i.test(value)) return true;
  return /^(?:0|f|false|n|no|off)$/i.test(value) ? false : value;
}
