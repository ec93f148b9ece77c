import assert from 'node:assert/strict';
import { type ExactJson, parseJsonExact, parsePythonJson } from '../../src/encoding/json-exact.ts';
import { type FuzzTarget, valueOrRefusal } from './fuzz-target.ts';

/** JSON: what `JSON.parse` takes, and with its value, but for numbers that it would round and depth that it would not bound. */
export const json: FuzzTarget = {
  name: 'json',
  form: 'text',
  tokens: [
    '{"a":',
    '[',
    ']',
    '}',
    ',',
    ':',
    '"\\u00e9"',
    '"\\ud83d\\ude95"',
    '-0',
    '1.0',
    '1e5',
    'true',
    'null',
    'NaN',
    '-Infinity',
    '"__proto__":',
  ],
  seeds: () =>
    [
      '{"a": [1, 2.5, -3e10, true, null, "x\\n\\u00e9"], "b": {"c": {}}, "a": 2}',
      '[[], {}, "", 0, 9007199254740993]',
      '{"x": NaN, "y": -Infinity}',
    ].map((text) => Buffer.from(text)),
  check(input) {
    const text = input.toString('utf8');
    const exact = valueOrRefusal(['INVALID_JSON'], () => parseJsonExact(text));
    const python = valueOrRefusal(['INVALID_JSON'], () => parsePythonJson(text));
    if (exact !== undefined) assert.deepEqual(python, exact);
    const expected = parsed(text);
    if (exact !== undefined) {
      assert.ok(expected !== undefined, 'JSON.parse refuses it');
      assert.deepEqual(plain(exact), expected.value);
    } else if (expected !== undefined) assert.ok(isBeyond(text), 'JSON.parse takes it');
  },
};

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text, (_, value: unknown) => (value === 0 ? 0 : value)) };
  } catch {
    return undefined;
  }
}

/** Nested deeper, or with longer numbers, than are read; or with half of a surrogate pair, which has no UTF-8. */
function isBeyond(text: string): boolean {
  return depthOf(text) > 500 || /\d{4300}/.test(text) || /\\u[dD][89a-fA-F]/.test(text);
}

/** Of brackets, those in strings included. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth--;
  }
  return deepest;
}

function plain(exact: ExactJson): unknown {
  // A whole number has no -0.
  if (exact === 0 || typeof exact === 'bigint') return Number(exact) + 0;
  if (Array.isArray(exact)) return exact.map(plain);
  if (!(exact instanceof Map)) return exact;
  const object = {};
  for (const [name, value] of exact) {
    Object.defineProperty(object, name, { value: plain(value), enumerable: true, writable: true, configurable: true });
  }
  return object;
}
