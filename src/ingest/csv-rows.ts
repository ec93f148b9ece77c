import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { IngestError } from './ingest-error.ts';
import type { RowRecord } from './record.ts';

const MAX_RECORD_CHARACTERS = 16 * 1024 * 1024;

interface ParsedRecord {
  readonly record: readonly (string | null)[];
  /** `lines` counts up to the end of the record. */
  readonly info: { readonly lines: number };
}

/**
 * Rows from CSV (RFC 4180, comma, UTF-8): the first line names the columns. A field that is empty and not quoted is null, a
 * quoted empty field an empty text.
 * @throws IngestError `INGEST_BAD_SYNTAX`, naming the line
 */
export async function* recordsFromCsv(input: AsyncIterable<Uint8Array>): AsyncGenerator<RowRecord> {
  const parser = parse({
    cast: (value, context) => (value === '' && !context.quoting ? null : value),
    info: true,
    max_record_size: MAX_RECORD_CHARACTERS,
    skip_empty_lines: true,
  });
  // The parser is destroyed with the source's error, which the loop below then throws.
  pipeline(Readable.from(decoded(input)), parser, () => {});
  let header: readonly string[] | undefined;
  // Within quotes the parser counts a carriage return as a line of its own.
  let returns = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<ParsedRecord>) {
      returns += countIn(record, '\r');
      const line = info.lines - returns - countIn(record, '\n');
      if (header === undefined) header = headerFrom(record, line);
      else yield { line, format: 'csv', fields: new Map(header.map((name, index) => [name, record[index] ?? null])) };
    }
  } catch (error) {
    throw error instanceof CsvError ? syntaxError(error) : error;
  }
}

async function* decoded(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let lines = 1;
  const decode = (chunk?: Uint8Array): string => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (cause) {
      throw new IngestError('INGEST_BAD_SYNTAX', `The text at or behind line ${lines} is not UTF-8.`, {
        hint: 'Convert the file to UTF-8.',
        cause,
      });
    }
  };
  for await (const chunk of input) {
    yield decode(chunk);
    for (const byte of chunk) if (byte === 0x0a) lines++;
  }
  yield decode();
}

function headerFrom(record: readonly (string | null)[], line: number): readonly string[] {
  const names = record.map((name) => name?.trim() ?? '');
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (name === '' || seen.has(name)) {
      const what = name === '' ? `has no name for column ${index + 1}` : `names the column "${name}" twice`;
      throw new IngestError('INGEST_BAD_SYNTAX', `Line ${line}, the header, ${what}.`, {
        hint: 'The first line of a CSV file names its columns, each once.',
      });
    }
    seen.add(name);
  }
  return names;
}

function countIn(record: readonly (string | null)[], character: string): number {
  let count = 0;
  for (const field of record) {
    if (field === null) continue;
    for (let at = field.indexOf(character); at >= 0; at = field.indexOf(character, at + 1)) count++;
  }
  return count;
}

/** The parser's own texts may quote the file. */
function syntaxError(error: CsvError): IngestError {
  const line = typeof error.lines === 'number' ? `Line ${error.lines}` : 'The file';
  const what = problems[error.code] ?? `is not valid CSV (${error.code})`;
  return new IngestError('INGEST_BAD_SYNTAX', `${line} ${what}.`, { cause: error });
}

const problems: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: 'has more or fewer fields than the header',
  CSV_RECORD_INCONSISTENT_COLUMNS: 'has more or fewer fields than the header',
  CSV_QUOTE_NOT_CLOSED: 'lies inside a quote that is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'has text behind a closing quote',
  INVALID_OPENING_QUOTE: 'has a quote inside a field that does not begin with one',
  CSV_MAX_RECORD_SIZE: 'is longer than a row may be',
};
