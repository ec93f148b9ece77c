import { StoreError } from '../store-error.ts';
import { type BlockToWrite, blockFromSentRows, type LoadThreadMessage } from './sqlite-load-messages.ts';

/** What was sent to a loading thread and waits to be written. */
export class LoadInbox {
  readonly #path: string;
  readonly #onWritten: () => void;
  readonly #waiting: LoadThreadMessage[] = [];
  #wake: (() => void) | undefined;

  /** @param onWritten called when the block that was given last is written */
  constructor(path: string, onWritten: () => void) {
    this.#path = path;
    this.#onWritten = onWritten;
  }

  put(message: LoadThreadMessage): void {
    this.#waiting.push(message);
    this.#wake?.();
  }

  /**
   * Whether there is something to write. Waits for it.
   * @throws StoreError `STORE_TIMEOUT` when the load is given up
   */
  async hasRows(): Promise<boolean> {
    return typeof (await this.#first()) === 'object';
  }

  /**
   * All blocks, up to the commit.
   * @throws StoreError `STORE_TIMEOUT` when the load is given up
   */
  async *blocks(): AsyncGenerator<BlockToWrite, void, undefined> {
    for (;;) {
      const message = await this.#first();
      if (typeof message !== 'object') return;
      yield blockFromSentRows(message);
      this.#waiting.shift();
      this.#onWritten();
    }
  }

  async #first(): Promise<Exclude<LoadThreadMessage, 'give up'>> {
    while (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const first = this.#waiting.includes('give up') ? 'give up' : this.#waiting[0];
    if (first !== undefined && first !== 'give up') return first;
    throw new StoreError('STORE_TIMEOUT', `The load into SQLite file ${this.#path} was given up.`);
  }
}
