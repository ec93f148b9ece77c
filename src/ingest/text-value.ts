import { EncodingError } from '../encoding/encoding-error.ts';
import { parseJsonExact } from '../encoding/value-json.ts';
import type { ValueTypeInfo } from '../encoding/value-type.ts';

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const WHOLE_WITH_ZEROS = /^([+-]?\d+)\.0+$/;
const WORDS: Readonly<Record<string, string>> = {
  nan: 'NaN',
  inf: 'Infinity',
  infinity: 'Infinity',
  '+inf': 'Infinity',
  '-inf': '-Infinity',
  '-infinity': '-Infinity',
};
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false, '1': true, '0': false };

/**
 * A CSV field as what `valueFromJson` takes for a type. Whole numbers stay text, so that int64 is exact; `5.0` counts as 5,
 * because data frames print whole numbers so when their column has nulls. Lists, sets, maps and structs are JSON.
 * @throws EncodingError `VALUE_TYPE_MISMATCH` or `INVALID_JSON`
 */
export function jsonFromText(text: string, info: ValueTypeInfo): unknown {
  if (info.shape !== 'scalar') return parseJsonExact(text);
  switch (info.kind) {
    case 'int32':
    case 'int64':
      return WHOLE_WITH_ZEROS.exec(text)?.[1] ?? text;
    case 'float':
    case 'double': {
      if (NUMBER.test(text)) return Number(text);
      const word = WORDS[text.toLowerCase()];
      if (word !== undefined) return word;
      throw new EncodingError('VALUE_TYPE_MISMATCH', `${info.name} takes a number; the text is not one.`);
    }
    case 'bool': {
      const value = BOOLEANS[text] ?? BOOLEANS[text.toLowerCase()];
      if (value !== undefined) return value;
      throw new EncodingError(
        'VALUE_TYPE_MISMATCH',
        `${info.name} takes true, false, 1 or 0; the text is none of them.`,
      );
    }
    case 'map':
    case 'scalar_map':
    case 'value':
      return parseJsonExact(text);
    case 'zoned_timestamp':
      return text.startsWith('{') ? parseJsonExact(text) : text;
    default:
      return text;
  }
}
