import { stat } from 'node:fs/promises';
import { IngestError } from '../ingest/ingest-error.ts';
import { bytesOfFile, recordsFromText } from '../ingest/read-rows.ts';
import { type RowFormat, rowFormatFromName } from '../ingest/record.ts';
import { createRowTyper } from '../ingest/row-from-record.ts';
import { writableView } from '../ingest/writable-view.ts';
import { type WriteOutcome, writeRows } from '../ingest/write-rows.ts';
import { onlineTableFromView } from '../stores/online-table.ts';
import type { CommandContext } from './command-context.ts';
import { openProject } from './composition.ts';
import { exitCodes } from './exit-codes.ts';
import { interruptible } from './interruptible.ts';
import type { Io } from './io.ts';
import type { WriteOptions } from './write-command.ts';
import { createWriteProgress, type WriteProgress } from './write-progress.ts';

/** Writes the rows of a file, and says how far it came in any case. */
export async function write(
  viewName: string,
  file: string,
  options: WriteOptions,
  { io, globals, exitWith }: CommandContext,
): Promise<void> {
  const format = formatOf(file, options.format);
  const project = await openProject({ location: globals(), env: io.env, warn: io.warn });
  try {
    const view = writableView(project.registry.current(), viewName);
    if (!project.store.capabilities.directWrite) {
      throw new IngestError(
        'INGEST_STORE_READ_ONLY',
        `The ${project.config.onlineStore.type} store takes no rows directly.`,
      );
    }
    if (options.newestOnly === true && project.store.capabilities.eventTimes === false) {
      const { type } = project.config.onlineStore;
      io.warn(
        `the ${type} store keeps no event times: --newest-only compares the rows of a batch with each other alone`,
      );
    }
    const versioned = project.config.registry.enableOnlineFeatureViewVersioning;
    const verb = verbOf(options);
    const size = file === '-' ? undefined : (await stat(file).catch(() => undefined))?.size;
    const progress = createWriteProgress(io, { size, intervalSeconds: options.progressInterval, verb });
    const started = performance.now();
    const { outcome, signal: stoppedBy } = await interruptible((signal) =>
      writeRows(recordsFromText(bytesOf(file, io, progress), format), {
        ...(options.dryRun === true ? {} : { store: project.store }),
        table: onlineTableFromView(view, project.config.project, versioned ? view.currentVersion : 0),
        typeRow: createRowTyper(view, {
          timestampField: options.timestampField,
          ...(options.createdField === undefined ? {} : { createdField: options.createdField }),
          ...(options.timestampUnit === undefined ? {} : { timestampUnit: options.timestampUnit }),
          missingFeatures: options.missingAsNull === true ? 'null' : 'refuse',
          onExtraColumns: (names) =>
            io.warn(`columns that ${viewName} does not have are left out: ${names.join(', ')}`),
        }),
        batchSize: options.batchSize,
        batchTimeoutMs: options.timeout,
        newestOnly: options.newestOnly === true,
        signal,
        onProgress: (rows) => progress.done(rows),
      }),
    ).finally(() => progress.stop());
    if (outcome.interrupted) exitWith(exitCodes[stoppedBy === 'SIGINT' ? 'interrupted' : 'terminated'].code);
    summarize(outcome, verb, viewName, (performance.now() - started) / 1000, io);
  } finally {
    await project.close();
  }
}

function verbOf({ dryRun, newestOnly }: WriteOptions): string {
  if (dryRun === true) return 'checked';
  return newestOnly === true ? 'written where newer' : 'written';
}

function formatOf(file: string, asked: RowFormat | undefined): RowFormat {
  const format = asked ?? rowFormatFromName(file);
  if (format !== undefined) return format;
  const what = file === '-' ? 'Standard input has no name' : `The name ${file} does not end in .jsonl, .ndjson or .csv`;
  throw new IngestError('INGEST_FORMAT_UNKNOWN', `${what}: nothing says how the rows are written.`, {
    hint: 'Say it with --format jsonl or --format csv.',
  });
}

async function* bytesOf(file: string, io: Io, progress: WriteProgress): AsyncGenerator<Uint8Array> {
  if (file !== '-') return yield* bytesOfFile(file, (bytes) => progress.read(bytes));
  for await (const chunk of io.stdin) {
    progress.read(chunk.length);
    yield chunk;
  }
}

/** @throws what stopped the work */
function summarize(outcome: WriteOutcome, verb: string, view: string, seconds: number, io: Io): void {
  const { rows, failure, interrupted } = outcome;
  const counted = `${rows} ${rows === 1 ? 'row' : 'rows'} of ${view}`;
  if (failure === undefined) {
    io.out(
      `${counted} ${verb}${interrupted ? '; interrupted before the end of the file' : ` in ${seconds.toFixed(1)} s`}`,
    );
    if (rows === 0 && !interrupted) io.warn('the file has no rows');
    return;
  }
  if (verb !== 'checked' && failure.lastLine > 0) {
    io.out(`${counted} ${verb} before the failure`);
    const { stage, firstLine, lastLine } = failure;
    if (stage === 'store') io.note(`Lines ${firstLine} to ${lastLine} may be written in part; nothing behind them is.`);
    else io.note(`Nothing from line ${firstLine} on was written.`);
  }
  throw failure.error;
}
