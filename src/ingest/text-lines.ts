import { IngestError } from './ingest-error.ts';

/** A longer line is not a row: most likely the file is one JSON document, or no text at all. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

export interface TextLine {
  /** 1-based. */
  readonly line: number;
  readonly text: string;
}

/** A line as it came, without its line feed. */
export interface RawLine {
  /** 1-based. */
  readonly line: number;
  readonly bytes: Uint8Array;
}

/** Cuts pieces of a text into lines, however the pieces lie. */
export class LineSplitter {
  #line = 0;
  #parts: Uint8Array[] = [];
  #size = 0;

  /**
   * The lines that end in this piece.
   * @throws IngestError `INGEST_BAD_SYNTAX` behind them, for a line that is too long
   */
  *push(chunk: Uint8Array): Generator<RawLine> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#parts.push(chunk.subarray(start, end));
      start = end + 1;
      yield this.#take();
    }
    if (start === chunk.length) return;
    this.#parts.push(chunk.subarray(start));
    this.#size += chunk.length - start;
    if (this.#size > MAX_LINE_BYTES) {
      throw new IngestError('INGEST_BAD_SYNTAX', `Line ${this.#line + 1} is longer than ${MAX_LINE_BYTES} bytes.`, {
        hint: 'JSON rows stand one per line; a JSON array over the whole file is not read.',
      });
    }
  }

  /** What stands behind the last line feed, if anything does. */
  last(): RawLine | undefined {
    return this.#parts.length > 0 ? this.#take() : undefined;
  }

  #take(): RawLine {
    const [first] = this.#parts;
    const bytes = this.#parts.length === 1 && first !== undefined ? first : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    this.#line++;
    return { line: this.#line, bytes };
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws IngestError `INGEST_BAD_SYNTAX` for a line that is not UTF-8 */
export function textOfLine({ line, bytes }: RawLine): string {
  try {
    return utf8.decode(bytes).replace(/\r$/, '');
  } catch (cause) {
    throw new IngestError('INGEST_BAD_SYNTAX', `Line ${line} is not UTF-8 text.`, {
      hint: 'Convert the file to UTF-8.',
      cause,
    });
  }
}

/**
 * Splits bytes at line feeds; a carriage return before one goes too. Other line separators of Unicode may stand inside a JSON
 * string and do not end a line.
 * @throws IngestError `INGEST_BAD_SYNTAX` for a line that is too long or not UTF-8.
 */
export async function* textLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<TextLine> {
  const splitter = new LineSplitter();
  for await (const chunk of input) {
    for (const raw of splitter.push(chunk)) yield { line: raw.line, text: textOfLine(raw) };
  }
  const last = splitter.last();
  if (last !== undefined) yield { line: last.line, text: textOfLine(last) };
}
