/** Characters that JavaScript lets a backslash stand before in a Unicode pattern. */
const SYNTAX = /[\^$\\.*+?()[\]{}|/]/;
/** Escapes that mean the same to both, as far as names of views go. */
const SHARED = new Set('dDwWsSbBnrtfv0123456789');

/**
 * A pattern of Python's `re` that has to match a whole name (`fullmatch`), as Feast's permissions have them.
 * @returns `undefined` for one that JavaScript cannot read the same way; it is to match nothing
 */
export function namePatternFromPython(pattern: string): RegExp | undefined {
  const translated = translate(pattern);
  if (translated === undefined) return undefined;
  try {
    return new RegExp(`^(?:${translated})$`, 'u');
  } catch {
    return undefined;
  }
}

function translate(pattern: string): string | undefined {
  let result = '';
  let inClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? '';
    if (character === '\\') {
      const escaped = escapeFrom(pattern[++at] ?? '', inClass);
      if (escaped === undefined) return undefined;
      result += escaped;
    } else if (character === '(' && !inClass && pattern.startsWith('?P<', at + 1)) {
      result += '(?<';
      at += 3;
    } else {
      if (character === '[') inClass = true;
      else if (character === ']') inClass = false;
      result += character;
    }
  }
  return result;
}

function escapeFrom(character: string, inClass: boolean): string | undefined {
  if (character === 'A' && !inClass) return '^';
  if (character === 'Z' && !inClass) return '$';
  if (SHARED.has(character)) return `\\${character}`;
  // `re.escape` puts a backslash before whatever is not a letter, also where JavaScript wants none.
  if (character === '-') return inClass ? '\\-' : '-';
  if (/^[A-Za-z]?$/.test(character)) return undefined;
  return SYNTAX.test(character) ? `\\${character}` : character;
}
