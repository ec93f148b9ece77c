import { createReadStream } from 'node:fs';
import { recordsFromCsv } from './csv-rows.ts';
import { IngestError } from './ingest-error.ts';
import { recordsFromJsonLines } from './json-lines.ts';
import type { RowFormat, RowRecord } from './record.ts';

/**
 * Streams the rows of a text: memory use does not grow with its length.
 * @throws IngestError `INGEST_BAD_SYNTAX`, naming the line
 */
export function recordsFromText(input: AsyncIterable<Uint8Array>, format: RowFormat): AsyncGenerator<RowRecord> {
  return format === 'csv' ? recordsFromCsv(input) : recordsFromJsonLines(input);
}

/**
 * The bytes of a file, in pieces.
 * @param onBytes told how many bytes came with each piece
 * @throws IngestError `INGEST_FILE_UNREADABLE`
 */
export async function* bytesOfFile(path: string, onBytes?: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      onBytes?.(chunk.length);
      yield chunk;
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    const what = reasons[code] ?? `cannot be read (${code})`;
    throw new IngestError('INGEST_FILE_UNREADABLE', `The file ${path} ${what}.`, { cause });
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EISDIR: 'is a folder',
  EACCES: 'may not be read by this process',
};
