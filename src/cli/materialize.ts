import { join, resolve } from 'node:path';
import { IngestError } from '../ingest/ingest-error.ts';
import {
  incrementalInterval,
  intervalFrom,
  type LoadInterval,
  parseBound,
  timeText,
} from '../ingest/materialize/interval.ts';
import { materializeView, type ViewOutcome } from '../ingest/materialize/materialize-view.ts';
import { RejectFile } from '../ingest/materialize/rejects.ts';
import { chooseViews, type ViewSource } from '../ingest/materialize/view-source.ts';
import { onlineTableFromView } from '../stores/online-table.ts';
import type { CommandContext } from './command-context.ts';
import { type OpenProject, openProject } from './composition.ts';
import { exitCodes } from './exit-codes.ts';
import { interruptible } from './interruptible.ts';
import type { Io } from './io.ts';
import { loadRegistry } from './load-registry.ts';
import { openMaterializationRecorder, type RecordInterval } from './materialization-recorder.ts';
import type { MaterializeOptions } from './materialize-command.ts';
import { createMaterializeProgress } from './materialize-progress.ts';

/** The bounds as they were given; without a start the run is incremental. */
export interface MaterializeBounds {
  readonly start?: string;
  readonly end: string;
}

/** Loads one view after the other, and says of each how it went. The first failure ends the run. */
export async function materialize(
  bounds: MaterializeBounds,
  options: MaterializeOptions,
  { io, globals, exitWith }: CommandContext,
): Promise<void> {
  const intervalOf = intervalsFrom(bounds);
  const project = await openProject({ location: globals(), env: io.env, warn: io.warn });
  try {
    const { config, store } = project;
    const dryRun = options.dryRun === true;
    if (!store.capabilities.directWrite && !dryRun) {
      throw new IngestError('INGEST_STORE_READ_ONLY', `The ${config.onlineStore.type} store takes no rows directly.`);
    }
    const registry = await loadRegistry(config, io.env);
    const { sources, leftOut } = chooseViews(registry, project.registry.current(), options.views);
    for (const name of leftOut)
      io.warn(`on-demand view ${name} is left out: its rows are computed by a Python function`);
    if (sources.length === 0) io.warn(`project ${config.project} has no view that can be loaded`);
    const record = dryRun ? async () => {} : openMaterializationRecorder(config, io.warn);
    const rejects = new RejectFile(resolve(options.rejectFile));
    const { signal: stoppedBy } = await interruptible(async (signal) => {
      try {
        for (const source of sources) {
          if (signal.aborted) return;
          await loadView(source, { project, options, io, intervalOf, record, rejects, signal });
        }
        if (!signal.aborted) await rejects.removeEarlier();
      } finally {
        await rejects.close();
        if (rejects.isUsed) io.note(`Rows that cannot be loaded are named in ${rejects.path}`);
      }
    });
    if (stoppedBy !== undefined) exitWith(exitCodes[stoppedBy === 'SIGINT' ? 'interrupted' : 'terminated'].code);
  } finally {
    await project.close();
  }
}

interface ViewRun {
  readonly project: OpenProject;
  readonly options: MaterializeOptions;
  readonly io: Io;
  readonly intervalOf: IntervalOf;
  readonly record: RecordInterval;
  readonly rejects: RejectFile;
  readonly signal: AbortSignal;
}

async function loadView(source: ViewSource, run: ViewRun): Promise<void> {
  const { project, options, io, signal } = run;
  const { config, store } = project;
  const view = project.registry.current().views.get(source.view);
  if (view === undefined) return;
  const chosen = run.intervalOf(source, view.ttlSeconds);
  if (chosen === undefined) {
    io.out(`${view.name}: loaded up to ${source.lastEnd === undefined ? 'now' : timeText(source.lastEnd)} already`);
    return;
  }
  const { interval, key } = chosen;
  io.note(`${view.name}: from ${timeText(interval.start)} to ${timeText(interval.end)}`);
  const versioned = config.registry.enableOnlineFeatureViewVersioning;
  const progress = createMaterializeProgress(io, view.name, options.progressInterval);
  const started = performance.now();
  const outcome = await materializeView({
    store,
    table: onlineTableFromView(view, config.project, versioned ? view.currentVersion : 0),
    view,
    source,
    interval,
    ...(key === undefined ? {} : { intervalKey: key }),
    target: JSON.stringify([config.onlineStore.type, config.onlineStore.section.value]),
    repoPath: config.repoPath,
    stateFolder: options.stateDir ?? join(config.repoPath, '.sideboard', 'materialize'),
    rejects: run.rejects,
    maxBadRows: options.maxBadRows,
    batchSize: options.batchSize,
    batchTimeoutMs: options.timeout,
    timestampUnit: options.timestampUnit,
    dryRun: options.dryRun === true,
    signal,
    progress,
    record: (loaded) => run.record(view.name, loaded),
  }).finally(() => progress.stop());
  io.out(summaryOf(view.name, outcome, (performance.now() - started) / 1000, options.dryRun === true));
}

function summaryOf(view: string, outcome: ViewOutcome, seconds: number, dryRun: boolean): string {
  const { read, latest, stored, rejected, resumed, interrupted } = outcome;
  const rate = seconds > 0 ? Math.round((stored - resumed) / seconds) : 0;
  const parts = [
    `${read} rows read`,
    `${latest} latest`,
    dryRun ? 'nothing written' : `${stored} written${resumed > 0 ? ` (${resumed} of them by an earlier run)` : ''}`,
    `${rejected} rejected`,
    interrupted
      ? 'interrupted: the same command goes on from here'
      : `${seconds.toFixed(1)} s${dryRun ? '' : `, ${rate} rows/s`}`,
  ];
  return `${view}: ${parts.join(', ')}`;
}

type IntervalOf = (
  source: ViewSource,
  ttlSeconds: number,
) => { readonly interval: LoadInterval; readonly key?: string } | undefined;

function intervalsFrom({ start, end }: MaterializeBounds): IntervalOf {
  const until = parseBound(end, 'END');
  if (start !== undefined) {
    const interval = intervalFrom(parseBound(start, 'START'), until);
    return () => ({ interval });
  }
  const now = Date.now();
  return ({ lastEnd }, ttlSeconds) => {
    const interval = incrementalInterval(lastEnd, ttlSeconds, until, now);
    if (interval === undefined) return undefined;
    // A first run begins at a distance from now: what was begun is the same run when it is begun again.
    return lastEnd === undefined ? { interval, key: `first, up to ${timeText(until)}` } : { interval };
  };
}
