import { readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often files are looked at. The kubelet itself takes up to a minute to bring a changed secret to its pods. */
const LOOK_MS = 5_000;
/** Whoever writes a file in place empties it first: what still changes after so long is left to the next look. */
const SETTLE_MS = 100;

export interface WatchedFilesOptions {
  /** Told of the content of all files when one has changed. Must not throw. */
  readonly onChange: (contents: readonly Buffer[]) => void;
  /** Told once when the files cannot be read any more. Must not throw. */
  readonly onError: (error: unknown) => void;
  readonly lookMs?: number;
}

/**
 * Files that are replaced while the process runs. They are looked at again and again rather than watched: a secret of Kubernetes is
 * replaced by a symbolic link two folders up, of which a watch on the file hears nothing.
 */
export class WatchedFiles {
  readonly #paths: readonly string[];
  readonly #options: WatchedFilesOptions;
  readonly #timer: NodeJS.Timeout;
  #seen: string;
  #contents: readonly Buffer[];
  #failed = false;
  #looking = false;
  #closed = false;

  private constructor(
    paths: readonly string[],
    options: WatchedFilesOptions,
    { seen, contents }: { readonly seen: string; readonly contents: readonly Buffer[] },
  ) {
    this.#paths = paths;
    this.#options = options;
    this.#seen = seen;
    this.#contents = contents;
    this.#timer = setInterval(() => void this.look(), options.lookMs ?? LOOK_MS);
    this.#timer.unref();
  }

  /** Reads the files and looks after them from then on. @throws Error of the file system for one that cannot be read */
  static async open(paths: readonly string[], options: WatchedFilesOptions): Promise<WatchedFiles> {
    const seen = await marksOf(paths);
    return new WatchedFiles(paths, options, { seen, contents: await contentsOf(paths) });
  }

  get contents(): readonly Buffer[] {
    return this.#contents;
  }

  /** Looks at the files now. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const seen = await marksOf(this.#paths);
      if (seen === this.#seen && !this.#failed) return;
      const contents = await contentsOf(this.#paths);
      await sleep(SETTLE_MS);
      if (this.#closed || (await marksOf(this.#paths)) !== seen) return;
      this.#seen = seen;
      this.#failed = false;
      if (contents.every((content, at) => content.equals(this.#contents[at] ?? Buffer.alloc(0)))) return;
      this.#contents = contents;
      this.#options.onChange(contents);
    } catch (error) {
      if (!this.#failed) this.#options.onError(error);
      this.#failed = true;
    } finally {
      this.#looking = false;
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }
}

function contentsOf(paths: readonly string[]): Promise<Buffer[]> {
  return Promise.all(paths.map((path) => readFile(path)));
}

/** What changes when a file, or what its name leads to, is replaced. */
async function marksOf(paths: readonly string[]): Promise<string> {
  const marks = await Promise.all(
    paths.map(async (path) => {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(':');
    }),
  );
  return marks.join(' ');
}
