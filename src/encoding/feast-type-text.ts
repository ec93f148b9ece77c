import {
  collectionOf,
  type FeastType,
  formatFeastType,
  MAX_TYPE_DEPTH,
  type ScalarName,
  scalarTypes,
} from './feast-type.ts';

/** Why a text is not a type. */
export interface TypeFault {
  readonly fault: string;
  /** The word that is not a type's name, where that is it. */
  readonly word?: string;
}

export function isTypeFault(parsed: FeastType | TypeFault): parsed is TypeFault {
  return 'fault' in parsed;
}

/** Reads `Int64`, `Array(String)`, `Struct({a: Int64, "b": Set(String)})`: as Feast prints them, keys also in quotes. */
export function parseFeastType(text: string): FeastType | TypeFault {
  const reader = new TypeReader(text);
  try {
    const type = reader.type(0);
    reader.end();
    return type;
  } catch (error) {
    if (error instanceof Fault) return error.what;
    throw error;
  }
}

class Fault extends Error {
  readonly what: TypeFault;

  constructor(fault: string, word?: string) {
    super(fault);
    this.what = word === undefined ? { fault } : { fault, word };
  }
}

class TypeReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  type(depth: number): FeastType {
    if (depth > MAX_TYPE_DEPTH) throw new Fault(`types stand in each other deeper than ${MAX_TYPE_DEPTH} levels`);
    const word = this.#take(/\w+/y);
    if (word === undefined) throw new Fault(`expected a type ${this.#place()}`);
    if (word === 'Struct') return this.#struct(depth);
    if (word === 'Array' || word === 'Set') {
      this.#expect('(', `${word} needs the type of its elements in brackets, such as ${word}(Int64)`);
      const of = this.type(depth + 1);
      this.#expect(')', `a bracket is not closed behind ${formatFeastType(of)}`);
      return collection(word, of);
    }
    if (!Object.hasOwn(scalarTypes, word)) throw new Fault(`there is no type ${word}`, word);
    return { kind: 'scalar', name: word as ScalarName };
  }

  end(): void {
    if (this.#take(/\S/y) !== undefined) throw new Fault('something stands behind the end of the type');
  }

  #struct(depth: number): FeastType {
    const form = 'Struct needs its fields in brackets, such as Struct({a: Int64, b: String})';
    this.#expect('(', form);
    this.#expect('{', form);
    const fields = new Map<string, FeastType>();
    do {
      const name = this.#take(/"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'{}(),:]+/y);
      if (name === undefined) throw new Fault(form);
      const key = unquoted(name);
      this.#expect(':', form);
      if (fields.has(key)) throw new Fault(`a Struct has the field ${key} twice`);
      fields.set(key, this.type(depth + 1));
    } while (this.#take(/,(?!\s*\})/y) !== undefined);
    this.#take(/,/y);
    this.#expect('}', form);
    this.#expect(')', form);
    return { kind: 'struct', fields };
  }

  #expect(sign: string, otherwise: string): void {
    if (this.#take(new RegExp(`\\${sign}`, 'y')) === undefined) throw new Fault(otherwise);
  }

  #take(pattern: RegExp): string | undefined {
    const blank = /\s*/y;
    blank.lastIndex = this.#at;
    blank.exec(this.#text);
    pattern.lastIndex = blank.lastIndex;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found !== undefined) this.#at = pattern.lastIndex;
    return found;
  }

  #place(): string {
    return this.#text.slice(this.#at).trim() === '' ? 'at the end' : `at ${JSON.stringify(this.#text.slice(this.#at))}`;
  }
}

function unquoted(name: string): string {
  if (name.startsWith('"')) {
    try {
      return JSON.parse(name) as string;
    } catch {
      throw new Fault(`${name} is not text in double quotes`);
    }
  }
  return name.startsWith("'") ? name.slice(1, -1) : name;
}

/** Feast has a list, and a set, of most types only. */
function collection(word: 'Array' | 'Set', of: FeastType): FeastType {
  const kind = word === 'Array' ? 'array' : 'set';
  const nests = of.kind === 'array' || of.kind === 'set' || (of.kind === 'struct' && kind === 'array');
  const listed = of.kind === 'scalar' && collectionOf(of.name, word) !== undefined;
  if (!nests && !listed) throw new Fault(`Feast has no ${word} of ${of.kind === 'scalar' ? of.name : 'Struct'}`);
  return { kind, of };
}
