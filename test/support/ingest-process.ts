import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { collect, startProgram } from './sideboard-process.ts';

/** A running `sideboard ingest`, fed by a test. */
export class IngestProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>;
  readonly #out: ReturnType<typeof collect>;

  constructor(repo: string, ...args: readonly string[]) {
    this.child = startProgram(['ingest', ...args, '--repo', repo]);
    this.child.stdin?.on('error', () => {});
    this.#out = collect(this.child);
    this.ended = once(this.child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  }

  get stderr(): string {
    return this.#out.stderr();
  }

  /** Acknowledgements, whole lines only. */
  get acks(): readonly { readonly through: number }[] {
    const lines = this.#out.stdout().split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line));
  }

  /** The last line that is acknowledged. */
  get through(): number {
    return this.acks.at(-1)?.through ?? 0;
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Writes pieces as fast as they are taken. @returns how many were, when no more are or `stop` says so */
  async feed(pieces: Iterable<string>, stop: () => boolean = () => false): Promise<number> {
    const { stdin } = this.child;
    let taken = 0;
    for (const piece of pieces) {
      if (stop() || stdin === null || stdin.destroyed) break;
      const written = new Promise<boolean>((resolve) => stdin.write(piece, (error) => resolve(error == null)));
      if (!(await Promise.race([written, this.ended.then(() => false)]))) break;
      taken++;
    }
    return taken;
  }

  end(): void {
    this.child.stdin?.end();
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}
