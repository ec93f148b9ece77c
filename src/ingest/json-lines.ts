import { EncodingError } from '../encoding/encoding-error.ts';
import { type ExactJson, parseJsonExact } from '../encoding/value-json.ts';
import { IngestError } from './ingest-error.ts';
import type { RowRecord } from './record.ts';
import { textLines } from './text-lines.ts';

/**
 * Rows from JSON lines: one object per line, empty lines left out.
 * @throws IngestError `INGEST_BAD_SYNTAX`, naming the line
 */
export async function* recordsFromJsonLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<RowRecord> {
  for await (const { line, text } of textLines(input)) {
    if (text.trim() === '') continue;
    yield recordFromJsonLine(text, line);
  }
}

/** @throws IngestError `INGEST_BAD_SYNTAX`, naming the line */
export function recordFromJsonLine(text: string, line: number): RowRecord {
  const json = parseLine(text, line);
  if (json instanceof Map) return { line, format: 'jsonl', fields: json };
  throw new IngestError('INGEST_BAD_SYNTAX', `Line ${line} is not a JSON object.`, {
    hint: 'Write one row per line, such as {"driver_id": 1001, "event_timestamp": "2026-01-10T08:00:00Z"}.',
  });
}

function parseLine(text: string, line: number): ExactJson {
  try {
    return parseJsonExact(text);
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new IngestError('INGEST_BAD_SYNTAX', `Line ${line}: ${cause.message}`, { cause });
  }
}
