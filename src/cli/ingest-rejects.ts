import { type FileHandle, open } from 'node:fs/promises';
import { IngestError } from '../ingest/ingest-error.ts';
import type { RejectedLine } from '../ingest/stream/line-ingest.ts';
import type { Io } from './io.ts';

/**
 * Names lines that are left out, with the reason and without what they hold: on standard error, or behind what a file holds already.
 * What was added is handed to the system before the line is acknowledged.
 */
export class LineRejects {
  count = 0;
  readonly #path: string | undefined;
  readonly #io: Io;
  #file: FileHandle | undefined;

  constructor(path: string | undefined, io: Io) {
    this.#path = path;
    this.#io = io;
  }

  /** @throws IngestError `INGEST_REJECTS_UNWRITABLE` */
  async add(lines: readonly RejectedLine[]): Promise<void> {
    this.count += lines.length;
    if (this.#path === undefined) {
      for (const { error } of lines) this.#io.note(`left out: ${error.code}: ${error.message}`);
      return;
    }
    const text = lines
      .map(({ line, view, error }) =>
        JSON.stringify({ view: view ?? null, line, code: error.code, reason: error.message }),
      )
      .join('\n');
    try {
      this.#file ??= await open(this.#path, 'a');
      await this.#file.appendFile(`${text}\n`);
    } catch (cause) {
      throw new IngestError('INGEST_REJECTS_UNWRITABLE', `The reject file ${this.#path} cannot be written.`, {
        hint: 'Name another one with --reject-file.',
        cause,
      });
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}
