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
 *
 * Lines without quotes and carriage returns are taken apart here, at a fraction of what the parser costs. From the first line on that is
 * not as plain, or has not as many fields as the header, the parser has the rest.
 * @throws IngestError `INGEST_BAD_SYNTAX`, naming the line
 */
export async function* recordsFromCsv(input: AsyncIterable<Uint8Array>): AsyncGenerator<RowRecord> {
  const chunks = decoded(input);
  let text = '';
  let line = 1;
  let header: readonly string[] | undefined;
  for await (const chunk of chunks) {
    text += chunk;
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const fields = plainFields(text.slice(start, end), header);
      if (fields === undefined) {
        yield* parsedRecords(rest(text.slice(start), chunks), header, line);
        return;
      }
      start = end + 1;
      if (fields.length > 0) {
        if (header === undefined) header = headerFrom(fields, line);
        else yield recordOf(header, fields, line);
      }
      line++;
    }
    text = text.slice(start);
    if (text.length <= MAX_PLAIN_CHARACTERS) continue;
    yield* parsedRecords(rest(text, chunks), header, line);
    return;
  }
  yield* parsedRecords(rest(text, chunks), header, line);
}

/** A line that goes on for longer is the parser's, which knows how long a row may be. */
const MAX_PLAIN_CHARACTERS = 1024 * 1024;

/** The fields of a plain line, none where it is empty; `undefined` where it is for the parser to judge. */
function plainFields(line: string, header: readonly string[] | undefined): (string | null)[] | undefined {
  if (line === '') return [];
  if (line.includes('"') || line.includes('\r')) return undefined;
  const fields: (string | null)[] = line.split(',');
  if (header !== undefined && fields.length !== header.length) return undefined;
  for (let index = 0; index < fields.length; index++) if (fields[index] === '') fields[index] = null;
  return fields;
}

async function* rest(text: string, chunks: AsyncIterable<string>): AsyncGenerator<string> {
  yield text;
  yield* chunks;
}

/**
 * Records from whatever CSV there is.
 * @param known the header, where it stands before the text
 * @param first number of the text's first line
 */
async function* parsedRecords(
  text: AsyncIterable<string>,
  known: readonly string[] | undefined,
  first: number,
): AsyncGenerator<RowRecord> {
  const parser = parse({
    cast: (value, context) => (value === '' && !context.quoting ? null : value),
    info: true,
    max_record_size: MAX_RECORD_CHARACTERS,
    skip_empty_lines: true,
  });
  // A first line in the header's place says how many fields there are, and how lines end.
  const input = known === undefined ? text : rest(`${known.map(() => 'x').join(',')}\n`, text);
  const before = known === undefined ? first - 1 : first - 2;
  // The parser is destroyed with the source's error, which the loop below then throws.
  pipeline(Readable.from(input), parser, () => {});
  let header: readonly string[] | undefined;
  // Within quotes the parser counts a carriage return as a line of its own.
  let returns = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<ParsedRecord>) {
      returns += countIn(record, '\r');
      const line = before + info.lines - returns - countIn(record, '\n');
      if (header === undefined) header = known ?? headerFrom(record, line);
      else yield recordOf(header, record, line);
    }
  } catch (error) {
    throw error instanceof CsvError ? syntaxError(error, before) : error;
  }
}

function recordOf(header: readonly string[], record: readonly (string | null)[], line: number): RowRecord {
  const fields = new Map<string, string | null>();
  for (let index = 0; index < header.length; index++) fields.set(header[index] as string, record[index] ?? null);
  return { line, format: 'csv', fields };
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

/**
 * The parser's own texts may quote the file.
 * @param before lines that the parser has not seen
 */
function syntaxError(error: CsvError, before: number): IngestError {
  const line = typeof error.lines === 'number' ? `Line ${before + error.lines}` : 'The file';
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
