import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EncodingError } from '../../src/encoding/encoding-error.ts';
import { type ExactJson, parseJsonExact } from '../../src/encoding/json-exact.ts';

/** What JSON.parse gives for the same text. */
function loose(json: ExactJson): unknown {
  if (typeof json === 'bigint') return Number(json);
  if (Array.isArray(json)) return json.map(loose);
  if (!(json instanceof Map)) return json;
  // Defined one by one: a plain assignment to __proto__ would set the prototype.
  const object = {};
  for (const [key, value] of json)
    Object.defineProperty(object, key, { value: loose(value), enumerable: true, configurable: true, writable: true });
  return object;
}

describe('parseJsonExact', () => {
  it('keeps whole numbers exact and apart from other numbers', () => {
    assert.equal(parseJsonExact('9007199254740993'), 9_007_199_254_740_993n);
    assert.equal(parseJsonExact('-9223372036854775808'), -(2n ** 63n));
    assert.equal(parseJsonExact('1'), 1n);
    assert.equal(parseJsonExact('-0'), 0n);
    assert.equal(parseJsonExact('1.0'), 1);
    assert.equal(parseJsonExact('1e3'), 1000);
    assert.ok(Object.is(parseJsonExact('-0.0'), -0));
  });

  it('keeps the members of an object in order, the last of equal names', () => {
    assert.deepEqual(
      [...(parseJsonExact('{"b":1,"10":2,"a":3,"b":4}') as Map<string, ExactJson>)],
      [
        ['b', 4n],
        ['10', 2n],
        ['a', 3n],
      ],
    );
    assert.deepEqual(parseJsonExact(' { "__proto__" : [ ] } '), new Map([['__proto__', []]]));
  });

  it('reads whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        assert.deepEqual(JSON.stringify(loose(parseJsonExact(text))), JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it('accepts and refuses the same texts as JSON.parse', () => {
    const alphabet = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '\\',
      'u00e9',
      'n',
      'null',
      'true',
      'fals',
      '-',
      '0',
      '12',
      '.5',
      'e+3',
      ' ',
      '\n',
      '\u0001',
      'é',
      '\ud83d',
      '/',
    );
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (valid) assert.doesNotThrow(() => parseJsonExact(text), text);
        else assert.throws(() => parseJsonExact(text), EncodingError, text);
      }),
      { numRuns: 5000 },
    );
  });

  it('says where a text is invalid', () => {
    const at = (text: string) => {
      try {
        parseJsonExact(text);
      } catch (error) {
        assert.ok(error instanceof EncodingError && error.code === 'INVALID_JSON');
        return Number(/character (\d+)/.exec(error.message)?.[1]);
      }
      return undefined;
    };
    assert.equal(at('{"a": nul}'), 6);
    assert.equal(at('[1, 2'), 5);
    assert.equal(at('1 2'), 2);
    assert.equal(at(''), 0);
    assert.equal(at('NaN'), 0);
  });

  it('refuses a depth and a number that only an attack would have', () => {
    assert.throws(() => parseJsonExact('['.repeat(100_000)), { code: 'INVALID_JSON' });
    assert.throws(() => parseJsonExact('9'.repeat(1_000_000)), { code: 'INVALID_JSON' });
  });
});
