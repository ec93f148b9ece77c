import { EncodingError } from './encoding-error.ts';

/**
 * JSON without loss: a number without fraction and exponent is a bigint, every other number a `number` (so `1` and `1.0` are
 * told apart and int64 stays exact); objects are Maps, which keep the order of their members.
 */
export type ExactJson = null | boolean | string | bigint | number | ExactJson[] | Map<string, ExactJson>;

const MAX_DEPTH = 500;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SAFE_DIGITS = 15;
const MAX_INTEGER_DIGITS = 4300;
const PYTHON_NUMBERS = [
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
] as const;

/**
 * Parses one JSON text. Of members with the same name the last counts.
 * @throws EncodingError `INVALID_JSON` with the position of what is wrong.
 */
export function parseJsonExact(text: string): ExactJson {
  return new JsonParser(text, false).document();
}

/**
 * {@link parseJsonExact} for what Python's `json.dumps` writes, which is not always JSON: `NaN`, `Infinity` and `-Infinity` stand
 * bare, and are numbers here.
 */
export function parsePythonJson(text: string): ExactJson {
  return new JsonParser(text, true).document();
}

class JsonParser {
  readonly #text: string;
  readonly #python: boolean;
  #pos = 0;

  constructor(text: string, python: boolean) {
    this.#text = text;
    this.#python = python;
  }

  document(): ExactJson {
    this.#space();
    const value = this.#value(0);
    this.#space();
    if (this.#pos < this.#text.length) throw this.#invalid('something follows the value');
    return value;
  }

  #value(depth: number): ExactJson {
    if (depth > MAX_DEPTH) throw this.#invalid(`it is nested deeper than ${MAX_DEPTH} levels`);
    switch (this.#text[this.#pos]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return (this.#python ? this.#bareNumber() : undefined) ?? this.#number();
    }
  }

  #bareNumber(): number | undefined {
    for (const [word, value] of PYTHON_NUMBERS) {
      if (this.#text.startsWith(word, this.#pos)) return this.#word(word, value);
    }
    return undefined;
  }

  #object(depth: number): Map<string, ExactJson> {
    const members = new Map<string, ExactJson>();
    this.#pos++;
    this.#space();
    if (this.#take('}')) return members;
    do {
      this.#space();
      if (this.#text[this.#pos] !== '"') throw this.#invalid('a member name in double quotes is expected');
      const name = this.#string();
      this.#space();
      if (!this.#take(':')) throw this.#invalid('":" is expected');
      this.#space();
      members.set(name, this.#value(depth + 1));
      this.#space();
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#invalid('"," or "}" is expected');
    return members;
  }

  #array(depth: number): ExactJson[] {
    const items: ExactJson[] = [];
    this.#pos++;
    this.#space();
    if (this.#take(']')) return items;
    do {
      this.#space();
      items.push(this.#value(depth + 1));
      this.#space();
    } while (this.#take(','));
    if (!this.#take(']')) throw this.#invalid('"," or "]" is expected');
    return items;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#pos++;
    let escaped = false;
    for (;;) {
      const code = text.charCodeAt(this.#pos);
      if (code === QUOTE) break;
      // Not a number at the end of the text.
      if (!(code >= SPACE)) throw this.#invalid('a string is not closed or holds a control character');
      if (code === BACKSLASH) {
        escaped = true;
        this.#pos++;
      }
      this.#pos++;
    }
    this.#pos++;
    if (!escaped) return text.slice(start + 1, this.#pos - 1);
    try {
      return JSON.parse(text.slice(start, this.#pos)) as string;
    } catch (cause) {
      this.#pos = start;
      throw this.#invalid('a string holds an unknown escape', cause);
    }
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#pos;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#invalid('a value is expected');
    const [digits, fraction, exponent] = match;
    // Reading a long integer takes quadratic time; nothing that is served has more than twenty digits.
    if (digits.length > MAX_INTEGER_DIGITS) throw this.#invalid(`a number has more than ${MAX_INTEGER_DIGITS} digits`);
    this.#pos = NUMBER.lastIndex;
    if (fraction !== undefined || exponent !== undefined) return Number(digits);
    return digits.length <= SAFE_DIGITS ? BigInt(Number(digits)) : BigInt(digits);
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#pos)) throw this.#invalid('a value is expected');
    this.#pos += word.length;
    return value;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#pos);
      if (code !== SPACE && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#pos++;
    }
  }

  #take(character: string): boolean {
    if (this.#text[this.#pos] !== character) return false;
    this.#pos++;
    return true;
  }

  #invalid(why: string, cause?: unknown): EncodingError {
    const message = `A JSON text is invalid at character ${this.#pos}: ${why}.`;
    return new EncodingError('INVALID_JSON', message, cause === undefined ? {} : { cause });
  }
}
