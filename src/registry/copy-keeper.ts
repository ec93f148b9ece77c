import type { CopiedRegistry, RegistryCopy } from './registry-copy.ts';
import { RegistryError } from './registry-error.ts';

/** Keeps the copy on disk up to date behind the holder's back: one change at a time, and a failure is only told. */
export class CopyKeeper {
  readonly #copy: RegistryCopy;
  readonly #warn: (message: string) => void;
  #work: Promise<void> = Promise.resolve();
  #lost = false;

  constructor(copy: RegistryCopy, warn: (message: string) => void = () => {}) {
    this.#copy = copy;
    this.#warn = warn;
  }

  /** Whether the last change failed, so that the file is not there or not what it should be. */
  get isLost(): boolean {
    return this.#lost;
  }

  write(copied: CopiedRegistry): void {
    this.#enqueue(() => this.#copy.write(copied));
  }

  confirm(checkedAt: number): void {
    this.#enqueue(() => this.#copy.confirm(checkedAt));
  }

  /** Settles when everything asked for so far is done or has failed. */
  idle(): Promise<void> {
    return this.#work;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      try {
        await work();
        this.#lost = false;
      } catch (error) {
        // Told once, not with each refresh.
        if (!this.#lost) this.#warn(error instanceof RegistryError ? error.describe() : String(error));
        this.#lost = true;
      }
    });
  }
}
