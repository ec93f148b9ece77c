import type { ExactJson } from '../encoding/value-json.ts';
import { exactJsonText } from '../ingest/stream/line-ingest.ts';
import type { TypedLine } from '../ingest/stream/line-typer.ts';

/**
 * One line of JSON for lines that follow one another: `{"through":1200,"rows":1198,"rejected":2}`, and the members that are repeated,
 * of the last of them that is not empty.
 */
export function ackPerBatch(lines: readonly TypedLine[], ackFields: readonly string[]): string {
  const last = lines.at(-1);
  if (last === undefined) return '';
  let rows = 0;
  let rejected = 0;
  let repeated: TypedLine | undefined;
  for (const line of lines) {
    if (line.row !== undefined) rows++;
    else if (line.error !== undefined) rejected++;
    else continue;
    repeated = line;
  }
  const counts = `"through":${last.line},"rows":${rows}${rejected === 0 ? '' : `,"rejected":${rejected}`}`;
  return `{${counts}${membersOf(repeated?.acks, ackFields)}}\n`;
}

/** One line of JSON for each line that is not empty: `{"line":17}`; with `"rejected"` and the code for one that is left out. */
export function ackPerLine(lines: readonly TypedLine[], ackFields: readonly string[]): string {
  let text = '';
  for (const { line, row, error, acks } of lines) {
    if (row === undefined && error === undefined) continue;
    const rejected = error === undefined ? '' : `,"rejected":${JSON.stringify(error.code)}`;
    text += `{"line":${line}${rejected}${membersOf(acks, ackFields)}}\n`;
  }
  return text;
}

function membersOf(values: readonly ExactJson[] | undefined, names: readonly string[]): string {
  return names.map((name, at) => `,${JSON.stringify(name)}:${exactJsonText(values?.[at] ?? null)}`).join('');
}
