import { createHash } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MaterializeError } from './materialize-error.ts';
import type { StagedLayout } from './staged-rows.ts';

/** How far the run of a view came, kept on disk, so that one that was killed can be gone on with. */
export interface Journal {
  /** What the staged rows were made from; a run with another key begins anew. */
  readonly key: string;
  readonly start: { readonly seconds: number; readonly nanos: number };
  readonly rows: number;
  readonly read: number;
  readonly rejected: number;
  readonly layout: StagedLayout;
  /** Rows from the beginning of the staged file that are stored. */
  readonly stored: number;
}

const LOCK = 'lock';
const JOURNAL = 'journal.json';
const STAGED = 'rows.parquet';

/** The folder of one view's run: its lock, what is staged, and the journal. */
export class RunState {
  readonly #folder: string;
  readonly #view: string;

  private constructor(folder: string, view: string) {
    this.#folder = folder;
    this.#view = view;
  }

  /**
   * Takes the view for this process.
   * @throws MaterializeError `MATERIALIZE_LOCKED`, `MATERIALIZE_FAILED`
   */
  static async open(stateFolder: string, project: string, view: string): Promise<RunState> {
    const digest = createHash('sha256').update(JSON.stringify([project, view])).digest('hex').slice(0, 12);
    const readable = view.replace(/[^\w.-]/g, '_').slice(0, 60);
    const state = new RunState(join(stateFolder, `${readable}-${digest}`), view);
    await state.#lock();
    return state;
  }

  /** Where the staged rows stand; what is being made stands elsewhere. */
  get stagedFile(): string {
    return join(this.#folder, STAGED);
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
    await rm(this.stagedFile, { force: true });
    await rm(this.scratchFolder, { recursive: true, force: true });
    await mkdir(this.scratchFolder, { recursive: true });
  }

  /** Makes a file the staged rows, for good: with the journal behind it. */
  async keep(file: string, journal: Journal): Promise<void> {
    const handle = await open(file, 'r');
    await handle.sync().finally(() => handle.close());
    await rename(file, this.stagedFile);
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
    await rm(join(this.#folder, LOCK), { force: true });
  }

  /** Gives the view back and removes all there is of the run, which is complete. */
  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #lock(): Promise<void> {
    const path = join(this.#folder, LOCK);
    try {
      await mkdir(this.#folder, { recursive: true });
      const mine = JSON.stringify({ pid: process.pid, started: await startOf(process.pid) });
      // Whole from the first moment on: a link to a file that is written already.
      const ready = `${path}.${process.pid}.new`;
      await writeFile(ready, mine);
      for (;;) {
        try {
          await link(ready, path);
          break;
        } catch (error) {
          if (codeOf(error) !== 'EEXIST') throw error;
        }
        await this.#removeLeftLock(path).catch(async (error: unknown) => {
          await rm(ready, { force: true });
          throw error;
        });
      }
      await rm(ready, { force: true });
    } catch (error) {
      if (error instanceof MaterializeError) throw error;
      throw new MaterializeError('MATERIALIZE_FAILED', `The state folder ${this.#folder} cannot be written.`, {
        hint: 'Name another one with --state-dir.',
        cause: error,
      });
    }
  }

  /** A process that was killed leaves its lock behind. @throws MaterializeError `MATERIALIZE_LOCKED` */
  async #removeLeftLock(path: string): Promise<void> {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) return;
    const owner = ownerFrom(text);
    if (owner === undefined || (await isAlive(owner))) {
      const who = owner === undefined ? 'Another run' : `Process ${owner.pid}`;
      throw new MaterializeError('MATERIALIZE_LOCKED', `${who} loads view "${this.#view}".`, {
        hint: `Wait for it to end. If there is no such process, remove ${path}.`,
      });
    }
    // Renamed first: of two processes that find it, one takes it away, and not the lock that the other has made since.
    const aside = `${path}.${process.pid}`;
    try {
      await rename(path, aside);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      throw error;
    }
    if ((await readFile(aside, 'utf8')) === text) await rm(aside, { force: true });
    else await rename(aside, path);
  }
}

interface Owner {
  readonly pid: number;
  /** When the process was started, in the system's own count; `null` where that is not known. */
  readonly started: string | null;
}

function ownerFrom(text: string): Owner | undefined {
  try {
    const { pid, started } = JSON.parse(text) as Partial<Owner>;
    return typeof pid === 'number' ? { pid, started: started ?? null } : undefined;
  } catch {
    return undefined;
  }
}

async function isAlive({ pid, started }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
  // The number may be another process's by now.
  const now = await startOf(pid);
  return started === null || now === null || now === started;
}

/** Field 22 of Linux's /proc/PID/stat, with the boot that it counts from. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return `${boot.trim()}:${fields[19] ?? ''}`;
  } catch {
    return null;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
