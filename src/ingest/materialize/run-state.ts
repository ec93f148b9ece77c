import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RegistryError } from '../../registry/registry-error.ts';
import { acquireRegistryLock, type RegistryLock } from '../../registry/writing/registry-lock.ts';
import { MaterializeError } from '../materialize-error.ts';
import type { LoadInterval } from './interval.ts';
import { fileCount, type StagedLayout } from './staged-rows.ts';

/** How far the run of a view came, kept on disk, so that one that was killed can be gone on with. */
export interface Journal {
  /** What the staged rows were made from; a run with another key starts from the beginning. */
  readonly key: string;
  readonly interval: LoadInterval;
  readonly rows: number;
  readonly read: number;
  readonly rejected: number;
  readonly layout: StagedLayout;
  /** Rows from the beginning of the staged file that are stored. */
  readonly stored: number;
}

const JOURNAL = 'journal.json';

/** The folder of one view's run: its lock, what is staged, and the journal. */
export class RunState {
  readonly #folder: string;
  readonly #lock: RegistryLock;

  private constructor(folder: string, lock: RegistryLock) {
    this.#folder = folder;
    this.#lock = lock;
  }

  /**
   * Takes the view for this process.
   * @throws MaterializeError `MATERIALIZE_LOCKED`, `MATERIALIZE_FAILED`
   */
  static async open(stateFolder: string, project: string, view: string): Promise<RunState> {
    const digest = createHash('sha256')
      .update(JSON.stringify([project, view]))
      .digest('hex')
      .slice(0, 12);
    const readable = view.replace(/[^\w.-]/g, '_').slice(0, 60);
    const folder = join(stateFolder, `${readable}-${digest}`);
    try {
      await mkdir(folder, { recursive: true });
      return new RunState(folder, await acquireRegistryLock(join(folder, 'run'), { waitMs: 0 }));
    } catch (cause) {
      if (cause instanceof RegistryError && cause.code === 'REGISTRY_LOCKED') {
        throw new MaterializeError('MATERIALIZE_LOCKED', `Another run loads view "${view}".`, {
          hint: `Wait for it to end. If no such process is left, remove ${join(folder, 'run.lock')}.`,
          cause,
        });
      }
      throw new MaterializeError('MATERIALIZE_FAILED', `The state folder ${folder} cannot be written.`, {
        hint: 'Name another one with --state-dir.',
        cause,
      });
    }
  }

  /** Where the staged rows stand; what is being made stands elsewhere. */
  stagedFiles(layout: StagedLayout): readonly string[] {
    return Array.from({ length: fileCount(layout) }, (_, group) => join(this.#folder, `rows-${group}.parquet`));
  }

  /** For files of this run alone. */
  get scratchFolder(): string {
    return join(this.#folder, 'scratch');
  }

  /** The journal of an earlier run, with its staged rows; `undefined` where there is none of that key. */
  async journal(key: string): Promise<Journal | undefined> {
    try {
      const journal = JSON.parse(await readFile(join(this.#folder, JOURNAL), 'utf8')) as Journal;
      return journal.key === key ? journal : undefined;
    } catch {
      return undefined;
    }
  }

  /** Forgets an earlier run. */
  async clear(): Promise<void> {
    await rm(join(this.#folder, JOURNAL), { force: true });
    for (const name of await readdir(this.#folder)) {
      if (/^rows-\d+\.parquet$/.test(name)) await rm(join(this.#folder, name), { force: true });
    }
    await rm(this.scratchFolder, { recursive: true, force: true });
    await mkdir(this.scratchFolder, { recursive: true });
  }

  /** Makes files the staged rows, for good: with the journal behind them. */
  async keep(files: readonly string[], journal: Journal): Promise<void> {
    for (const [group, target] of this.stagedFiles(journal.layout).entries()) {
      const file = files[group] ?? '';
      const handle = await open(file, 'r');
      await handle.sync().finally(() => handle.close());
      await rename(file, target);
    }
    await this.save(journal);
  }

  async save(journal: Journal): Promise<void> {
    const path = join(this.#folder, JOURNAL);
    await writeFile(`${path}.new`, JSON.stringify(journal));
    await rename(`${path}.new`, path);
  }

  /** Gives the view back. What the run left stays for the next one, but for its scratch files. */
  async release(): Promise<void> {
    await rm(this.scratchFolder, { recursive: true, force: true });
    await this.#lock.release();
  }

  /** Gives the view back and removes all there is of the run, which is complete. */
  async remove(): Promise<void> {
    await this.clear();
    await rm(this.scratchFolder, { recursive: true, force: true });
    await this.#lock.release();
    // It is not empty where another run has begun.
    await rmdir(this.#folder).catch(() => {});
  }
}
