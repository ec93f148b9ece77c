/** A table of aligned columns, two spaces apart, without trailing spaces. `width` cuts lines that are longer. */
export function textTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string {
  const all = [header, ...rows].map((row) => row.map(printableText));
  const widths = header.map((_, column) => Math.max(...all.map((row) => length(row[column] ?? ''))));
  return all
    .map((row) => row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - length(cell))).join('  '))
    .map((line) => cut(line.trimEnd(), width))
    .join('\n');
}

/** Control characters in stored text must not reach the terminal. */
export function printableText(text: string): string {
  return text.replace(CONTROL, (character) => ESCAPES[character] ?? `\\u${hex(character)}`);
}

const CONTROL = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, '0');
}

function length(text: string): number {
  return [...text].length;
}

function cut(line: string, width: number): string {
  const characters = [...line];
  return characters.length <= width ? line : `${characters.slice(0, Math.max(width - 1, 0)).join('')}…`;
}
