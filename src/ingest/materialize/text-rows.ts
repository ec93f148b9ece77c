import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { serializeEntityKey } from '../../encoding/entity-key.ts';
import type { EpochUnit } from '../../encoding/timestamp.ts';
import type { OnlineRow } from '../../stores/online-store.ts';
import { recordsFromCsv } from '../csv-rows.ts';
import { IngestError } from '../ingest-error.ts';
import { recordFromJsonLine } from '../json-lines.ts';
import { MaterializeError } from '../materialize-error.ts';
import type { RowRecord } from '../record.ts';
import { createRowTyper, type RowTyper, type RowTypingOptions } from '../row-from-record.ts';
import { textLines } from '../text-lines.ts';
import type { EncodedRow } from './encoded-stage.ts';
import { type LoadInterval, microsOf } from './interval.ts';
import { assertColumns, type LoadPlan } from './load-plan.ts';
import type { RejectedRow } from './rejects.ts';
import type { SourceFile, SourceFormat } from './source-file.ts';

/** A row of a source, encoded, or why it cannot be. */
export type JudgedRow = { readonly row: EncodedRow } | { readonly rejected: RejectedRow };

export interface TextRowsOptions {
  readonly interval: LoadInterval;
  readonly timestampUnit: EpochUnit | undefined;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}

/**
 * Rows of the interval from CSV or JSON lines, typed as `sideboard write` types them. A JSON line that is none is a row that cannot
 * be loaded; in CSV, where nobody knows any more where rows begin, it ends the run.
 * @throws IngestError `INGEST_BAD_SYNTAX`; MaterializeError `MATERIALIZE_MISSING_COLUMN`, `MATERIALIZE_SOURCE_UNREADABLE`
 */
export async function* textRows(
  plan: LoadPlan,
  format: Exclude<SourceFormat, 'parquet'>,
  files: readonly SourceFile[],
  options: TextRowsOptions,
): AsyncGenerator<JudgedRow> {
  const typing: RowTypingOptions = {
    timestampField: plan.timestampField,
    ...(options.timestampUnit === undefined ? {} : { timestampUnit: options.timestampUnit }),
    missingFeatures: 'refuse',
  };
  const created = plan.createdField === '' ? {} : { createdField: plan.createdField };
  const typeRow = createRowTyper(renamed(plan), { ...typing, ...created });
  const typeTime = createRowTyper({ ...plan.view, joinKeys: [], features: [] }, typing);
  const isWithin = ({ eventTimestamp }: OnlineRow): boolean => {
    const event = microsOf(eventTimestamp);
    return event >= microsOf(options.interval.start) && event <= microsOf(options.interval.end);
  };
  for (const file of files) {
    const records = format === 'csv' ? csvRecords(plan, file, options) : jsonRecords(file, options);
    for await (const record of records) {
      if (options.signal.aborted) return;
      const judged = 'rejected' in record ? record : judge(record, { typeRow, typeTime, isWithin, plan, file });
      if (judged !== undefined) yield judged;
    }
  }
}

/** The view with its columns under the names that the source has for them. */
function renamed(plan: LoadPlan): LoadPlan['view'] {
  const sources = new Map([...plan.joinKeys, ...plan.features].map(({ name, source }) => [name, source]));
  const rename = <T extends { readonly name: string }>(column: T): T => ({
    ...column,
    name: sources.get(column.name) ?? column.name,
  });
  return { ...plan.view, joinKeys: plan.view.joinKeys.map(rename), features: plan.view.features.map(rename) };
}

interface Judging {
  readonly typeRow: RowTyper;
  /** Looks at the event timestamp alone. */
  readonly typeTime: RowTyper;
  readonly isWithin: (row: OnlineRow) => boolean;
  readonly plan: LoadPlan;
  readonly file: SourceFile;
}

function judge(record: RowRecord, { typeRow, typeTime, isWithin, plan, file }: Judging): JudgedRow | undefined {
  try {
    const row = typeRow(record);
    if (!isWithin(row)) return undefined;
    const { createdTimestamp, values, entityKey } = row;
    // The key names the join keys as the view does, whatever the source calls them.
    entityKey.joinKeys = plan.view.joinKeys.map((key) => key.name);
    return {
      row: {
        key: serializeEntityKey(entityKey),
        values: plan.features.map(({ source }) => values.get(source) ?? new Uint8Array()),
        event: microsOf(row.eventTimestamp),
        created: createdTimestamp === undefined ? undefined : microsOf(createdTimestamp),
      },
    };
  } catch (error) {
    if (!(error instanceof IngestError)) throw error;
    // A row that is not asked for may be as bad as it likes.
    if (isElsewhere(record, typeTime, isWithin)) return undefined;
    return { rejected: rejectedFrom(error, file, record.line) };
  }
}

function isElsewhere(record: RowRecord, typeTime: RowTyper, isWithin: (row: OnlineRow) => boolean): boolean {
  try {
    return !isWithin(typeTime(record));
  } catch {
    return false;
  }
}

async function* csvRecords(plan: LoadPlan, file: SourceFile, options: TextRowsOptions): AsyncGenerator<RowRecord> {
  let checked = false;
  try {
    for await (const record of recordsFromCsv(bytesOf(file, options))) {
      if (!checked) assertColumns(plan, new Set(record.fields.keys()), file.name);
      checked = true;
      yield record;
    }
  } catch (error) {
    throw error instanceof IngestError ? inFile(error, file) : error;
  }
}

async function* jsonRecords(
  file: SourceFile,
  options: TextRowsOptions,
): AsyncGenerator<RowRecord | { readonly rejected: RejectedRow }> {
  try {
    for await (const { line, text } of textLines(bytesOf(file, options))) {
      if (text.trim() === '') continue;
      try {
        yield recordFromJsonLine(text, line);
      } catch (error) {
        if (!(error instanceof IngestError)) throw error;
        yield { rejected: rejectedFrom(error, file, line) };
      }
    }
  } catch (error) {
    throw error instanceof IngestError ? inFile(error, file) : error;
  }
}

async function* bytesOf(file: SourceFile, { onBytes, signal }: TextRowsOptions): AsyncGenerator<Uint8Array> {
  const raw = createReadStream(file.path);
  const input = file.path.toLowerCase().endsWith('.gz') ? raw.pipe(createGunzip()) : raw;
  raw.on('error', (error) => input.destroy(error));
  raw.on('data', (chunk) => onBytes(chunk.length));
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      if (signal.aborted) return;
      yield chunk;
    }
  } catch (cause) {
    const hint = 'See that it is whole, and that this process may read it.';
    throw new MaterializeError('MATERIALIZE_SOURCE_UNREADABLE', `${file.name} cannot be read.`, { hint, cause });
  } finally {
    raw.destroy();
  }
}

function inFile(error: IngestError, file: SourceFile): IngestError {
  const { code, message, hint, cause } = error;
  return new IngestError(code, `${file.name}: ${message}`, { ...(hint === undefined ? {} : { hint }), cause });
}

function rejectedFrom(error: IngestError, file: SourceFile, line: number): RejectedRow {
  // What the entry says in fields of its own need not be said again.
  const reason = error.message.replace(/^Line \d+(?:, column "[^"]*")?:? /, '');
  return { file: file.name, row: line, column: error.column, reason };
}
