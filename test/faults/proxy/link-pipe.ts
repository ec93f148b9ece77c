import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../../support/seeded-random.ts';
import type { Toxic } from './toxic.ts';

interface Chunk {
  readonly bytes: Buffer;
  readonly cameAt: number;
}

/** A toxic as it works on one pipe, with what it has seen there. */
interface Applied {
  readonly toxic: Toxic;
  seenBytes: number;
}

/** Above this many bytes in the pipe no more are read: the sender has to wait, as with a slow network. */
const HIGH_WATER = 1024 * 1024;

export interface PipeEnds {
  readonly from: Socket;
  readonly to: Socket;
  readonly random: SeededRandom;
  /** Closes the whole link; with RST where `abruptly`. */
  readonly end: (abruptly: boolean) => void;
  readonly onBytes: (count: number) => void;
}

/** One direction of a link: takes bytes at one end and gives them to the other through toxics. */
export class LinkPipe {
  readonly #ends: PipeEnds;
  readonly #queue: Chunk[] = [];
  #queued = 0;
  #applied: Applied[] = [];
  #changed: Promise<void> = Promise.resolve();
  #announceChange: () => void = () => {};
  #pumping = false;
  #ended = false;

  constructor(ends: PipeEnds) {
    this.#ends = ends;
    this.#waitForChange();
    ends.from.on('data', (bytes: Buffer) => {
      this.#queue.push({ bytes, cameAt: performance.now() });
      this.#queued += bytes.length;
      if (this.#queued > HIGH_WATER) ends.from.pause();
      if (!this.#pumping) void this.#pump();
    });
    // What is still under way arrives before the end does.
    ends.from.on('end', () => {
      this.#ended = true;
      if (!this.#pumping) ends.to.end();
    });
  }

  setToxics(toxics: readonly Toxic[]): void {
    const before = this.#applied;
    this.#applied = toxics.map((toxic) => before.find((each) => each.toxic === toxic) ?? { toxic, seenBytes: 0 });
    const swallowed = before.some(({ toxic, seenBytes }) => toxic.kind === 'timeout' && seenBytes > 0);
    const goesOn = this.#applied.some(({ toxic }) => toxic.kind === 'timeout');
    if (swallowed && !goesOn) this.#ends.end(false);
    for (const { toxic } of this.#applied) {
      const isNew = !before.some((each) => each.toxic === toxic);
      if (isNew && toxic.kind === 'timeout' && toxic.ms > 0) this.#endAfter(toxic.ms, false);
      if (isNew && toxic.kind === 'reset' && toxic.ms !== undefined && toxic.ms > 0) this.#endAfter(toxic.ms, true);
    }
    this.#announceChange();
    this.#waitForChange();
  }

  #endAfter(ms: number, abruptly: boolean): void {
    setTimeout(() => this.#ends.end(abruptly), ms).unref();
  }

  #waitForChange(): void {
    this.#changed = new Promise((resolve) => {
      this.#announceChange = resolve;
    });
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
      this.#queued -= chunk.bytes.length;
      if (this.#queued <= HIGH_WATER / 2 && this.#ends.from.isPaused()) this.#ends.from.resume();
      await this.#pass(chunk);
      if (this.#ends.to.destroyed) break;
    }
    this.#pumping = false;
    if (this.#ended) this.#ends.to.end();
  }

  async #pass({ bytes, cameAt }: Chunk): Promise<void> {
    let pieces: readonly Buffer[] = [bytes];
    let pauseMs: number | undefined;
    while (this.#applied.some(({ toxic }) => toxic.kind === 'hold')) await this.#changed;
    for (const applied of this.#applied) {
      const { toxic } = applied;
      applied.seenBytes += bytes.length;
      switch (toxic.kind) {
        case 'timeout':
          return;
        case 'reset':
          if ((toxic.ms ?? 0) === 0) this.#ends.end(true);
          break;
        case 'latency':
          await sleepUntil(cameAt + toxic.ms + this.#jitter(toxic.jitterMs ?? 0));
          break;
        case 'bandwidth':
          await sleep(bytes.length / toxic.kbPerSecond);
          break;
        case 'slicer':
          pieces = pieces.flatMap((piece) => this.#slices(piece, toxic.bytes, toxic.jitter ?? 0));
          pauseMs = toxic.delayMs ?? 0;
          break;
        case 'limit': {
          const left = toxic.bytes - (applied.seenBytes - bytes.length);
          if (left >= bytes.length) break;
          this.#write(bytes.subarray(0, Math.max(0, left)));
          // What was written before the end has to reach the client.
          await nextTurn();
          this.#ends.end(false);
          return;
        }
      }
    }
    for (const piece of pieces) {
      this.#write(piece);
      if (pauseMs !== undefined) await (pauseMs > 0 ? sleep(pauseMs) : nextTurn());
    }
  }

  #slices(bytes: Buffer, size: number, jitter: number): Buffer[] {
    const pieces: Buffer[] = [];
    for (let start = 0; start < bytes.length; ) {
      const length = Math.max(1, size + this.#jitter(jitter));
      pieces.push(bytes.subarray(start, start + length));
      start += length;
    }
    return pieces;
  }

  /** A whole number from -`range` to `range`. */
  #jitter(range: number): number {
    return range === 0 ? 0 : this.#ends.random(2 * range + 1) - range;
  }

  #write(bytes: Buffer): void {
    if (bytes.length === 0 || this.#ends.to.destroyed || this.#ends.to.writableEnded) return;
    this.#ends.onBytes(bytes.length);
    this.#ends.to.write(bytes);
  }
}

async function sleepUntil(time: number): Promise<void> {
  const ms = time - performance.now();
  if (ms > 0) await sleep(ms);
}
