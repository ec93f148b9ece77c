import { resolve } from 'node:path';
import { IngestError } from '../ingest/ingest-error.ts';
import { ingestLines } from '../ingest/stream/line-ingest.ts';
import { createLineTyper, type TypedLine } from '../ingest/stream/line-typer.ts';
import { onlineTableFromView } from '../stores/online-table.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './command-context.ts';
import { type OpenProject, openProject } from './composition.ts';
import { exitCodes } from './exit-codes.ts';
import { ackPerBatch, ackPerLine } from './ingest-acks.ts';
import type { IngestOptions } from './ingest-command.ts';
import { LineRejects } from './ingest-rejects.ts';
import { interruptible } from './interruptible.ts';
import type { Io } from './io.ts';

/** One line about a store that does not answer is enough for so long. */
const OUTAGE_NOTE_MS = 10_000;

/** Writes the lines of standard input until it ends, or until it is told to stop. */
export async function ingest(
  viewName: string | undefined,
  options: IngestOptions,
  { io, globals, exitWith }: CommandContext,
): Promise<void> {
  const view = viewFrom(viewName, options.viewField);
  const project = await openProject({ location: globals(), env: io.env, warn: io.warn });
  const rejects = new LineRejects(options.rejectFile === undefined ? undefined : resolve(options.rejectFile), io);
  const acks = new Acknowledgements(options, io);
  try {
    await interruptible(async (signal) => {
      const work = lineWork(project, view, options, io);
      await ingestLines(io.stdin, {
        ...work,
        stop: AbortSignal.any([signal, acks.unread]),
        onStored: (lines) => acks.send(lines),
        onRejected: (lines) => rejects.add(lines),
      });
    });
    if (acks.unread.aborted) {
      io.note('error: nobody reads the acknowledgements any more.');
      exitWith(exitCodes.failure.code);
    }
  } finally {
    // What the producer still writes is not read: an open standard input keeps the process alive.
    io.endInput();
    io.note(`${counted(acks.rows)} stored, ${rejects.count} left out, through line ${acks.through}`);
    await rejects.close();
    await project.close();
  }
}

function viewFrom(
  name: string | undefined,
  field: string | undefined,
): { readonly name: string } | { readonly field: string } {
  if (name !== undefined && field === undefined) return { name };
  if (name === undefined && field !== undefined) return { field };
  throw new CliError('CLI_USAGE', 'Name either the feature view, or with --view-field the member that names it.', {
    hint: '"sideboard ingest --help" shows what it takes.',
  });
}

/** What the work needs of the project and of the options. */
function lineWork(
  { config, registry, store }: OpenProject,
  view: { readonly name: string } | { readonly field: string },
  options: IngestOptions,
  io: Io,
) {
  if (!store.capabilities.directWrite) {
    throw new IngestError('INGEST_STORE_READ_ONLY', `The ${config.onlineStore.type} store takes no rows directly.`);
  }
  const versioned = config.registry.enableOnlineFeatureViewVersioning;
  let notedAt = Number.NEGATIVE_INFINITY;
  return {
    store,
    typeLine: createLineTyper({
      registry: registry.current(),
      tableOf: (spec) => onlineTableFromView(spec, config.project, versioned ? spec.currentVersion : 0),
      view,
      typing: {
        timestampField: options.timestampField,
        ...(options.createdField === undefined ? {} : { createdField: options.createdField }),
        ...(options.timestampUnit === undefined ? {} : { timestampUnit: options.timestampUnit }),
        missingFeatures: options.missingAsNull === true ? 'null' : 'refuse',
      },
      ackFields: options.ackField,
      onExtraColumns: (name, names) => io.warn(`columns that ${name} does not have are left out: ${names.join(', ')}`),
    }),
    maxLines: options.batchSize,
    flushMs: options.flushMs,
    batchesInFlight: options.inFlight,
    batchTimeoutMs: options.timeout,
    giveUpAfterMs: options.giveUpAfter * 1000,
    maxBadRows: options.maxBadRows,
    onStoreFailure(error: Error) {
      const now = Date.now();
      if (now - notedAt < OUTAGE_NOTE_MS) return;
      notedAt = now;
      io.warn(`the store does not answer, rows wait: ${error.message}`);
    },
  };
}

/** Tells what is stored, as long as somebody reads it. */
class Acknowledgements {
  rows = 0;
  through = 0;
  readonly #options: IngestOptions;
  readonly #io: Io;
  readonly #unread = new AbortController();

  constructor(options: IngestOptions, io: Io) {
    this.#options = options;
    this.#io = io;
  }

  /** Aborted when the reader has gone away. */
  get unread(): AbortSignal {
    return this.#unread.signal;
  }

  async send(lines: readonly TypedLine[]): Promise<void> {
    const { ack, ackField } = this.#options;
    const text = ack === 'lines' ? ackPerLine(lines, ackField) : ackPerBatch(lines, ackField);
    for (const { row } of lines) if (row !== undefined) this.rows++;
    this.through = lines.at(-1)?.line ?? this.through;
    if (text !== '' && !(await this.#io.send(text))) this.#unread.abort();
  }
}

function counted(rows: number): string {
  return `${rows} ${rows === 1 ? 'row' : 'rows'}`;
}
