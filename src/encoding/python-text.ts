import { EncodingError } from './encoding-error.ts';
import { isPlainObject } from './value-convert.ts';

/** A finite double as Python's `repr` and `json.dumps` print it: shortest digits, always with a point or an exponent. */
export function pythonFloatText(n: number): string {
  const size = Math.abs(n);
  // Python prints positional digits from 1e-4 up to, but not including, 1e16; JavaScript from 1e-6 and up to 1e21.
  if ((size >= 1e-4 && size < 1e16) || size === 0) {
    const positional = Object.is(n, -0) ? '-0' : n.toString();
    return positional.includes('.') ? positional : `${positional}.0`;
  }
  const [digits, exponent] = n.toExponential().split('e');
  const power = Number(exponent);
  return `${digits}e${power < 0 ? '-' : '+'}${Math.abs(power).toString().padStart(2, '0')}`;
}

/** A string as `json.dumps` prints it, with everything escaped but printable ASCII; DEL is not printable. */
export function asciiJsonString(text: string): string {
  const quoted = JSON.stringify(text);
  return quoted.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const MAX_DEPTH = 100;

/**
 * A JSON document as Python's `json.dumps` writes it (", " and ": " as separators, ASCII only): what Feast stores for JSON
 * values that are not given as text. Numbers without a fraction are written as whole numbers unless `floats` is
 * `'python'`, which keeps `1.0` apart from the bigint `1n`, or `'python-bare'`, which also writes NaN and the infinities, as the
 * bare words that Python has for them.
 * @throws EncodingError `VALUE_TYPE_MISMATCH` for what JSON cannot hold.
 */
export function jsonDocumentText(
  value: unknown,
  floats: 'plain' | 'python' | 'python-bare' = 'plain',
  depth = 0,
): string {
  if (depth > MAX_DEPTH) {
    throw new EncodingError('VALUE_OUT_OF_RANGE', `A JSON document is nested deeper than ${MAX_DEPTH} levels.`);
  }
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return asciiJsonString(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && floats === 'python-bare' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) {
    return floats === 'plain' && Number.isSafeInteger(value) ? String(value) : pythonFloatText(value);
  }
  if (Array.isArray(value)) return `[${value.map((item) => jsonDocumentText(item, floats, depth + 1)).join(', ')}]`;
  const entries = value instanceof Map ? [...value] : isPlainObject(value) ? Object.entries(value) : undefined;
  if (entries?.every(([key]) => typeof key === 'string')) {
    const members = entries.map(
      ([key, item]) => `${asciiJsonString(key)}: ${jsonDocumentText(item, floats, depth + 1)}`,
    );
    return `{${members.join(', ')}}`;
  }
  throw new EncodingError('VALUE_TYPE_MISMATCH', 'A JSON document holds something that JSON has no form for.');
}
