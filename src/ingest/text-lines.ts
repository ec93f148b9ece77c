import { IngestError } from './ingest-error.ts';

/** A longer line is no row: most likely the file is one JSON document, or no text at all. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

export interface TextLine {
  /** 1-based. */
  readonly line: number;
  readonly text: string;
}

/**
 * Splits bytes at line feeds; a carriage return before one goes too. Other line separators of Unicode may stand inside a JSON
 * string and do not end a line.
 * @throws IngestError `INGEST_BAD_SYNTAX` for a line that is too long or not UTF-8.
 */
export async function* textLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<TextLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 0;
  let parts: Uint8Array[] = [];
  let size = 0;
  const take = (): TextLine => {
    const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    parts = [];
    size = 0;
    line++;
    try {
      return { line, text: decoder.decode(bytes).replace(/\r$/, '') };
    } catch (cause) {
      throw new IngestError('INGEST_BAD_SYNTAX', `Line ${line} is not UTF-8 text.`, {
        hint: 'Convert the file to UTF-8.',
        cause,
      });
    }
  };
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    if (start === chunk.length) continue;
    parts.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > MAX_LINE_BYTES) {
      throw new IngestError('INGEST_BAD_SYNTAX', `Line ${line + 1} is longer than ${MAX_LINE_BYTES} bytes.`, {
        hint: 'JSON rows stand one per line; a JSON array over the whole file is not read.',
      });
    }
  }
  if (parts.length > 0) yield take();
}
