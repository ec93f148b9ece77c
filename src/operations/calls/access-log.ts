import type { AccessLogSettings } from '../../config/sideboard-settings.ts';
import { GrpcStatus } from '../../transports/grpc/grpc-status.ts';
import type { Logger } from '../logger.ts';

/** Why a call got its line. */
export type AccessReason = 'sample' | 'error' | 'slow';

export interface AccessLogOptions {
  readonly settings: AccessLogSettings;
  readonly log: Logger;
  /** From 0 to 1, as `Math.random`. */
  readonly random?: () => number;
  /** Milliseconds since the Unix epoch. */
  readonly now?: () => number;
}

/** How many lines there are in a second; the others are only counted. */
class Budget {
  readonly #perSecond: number;
  #second = -1;
  #left = 0;
  #skipped = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** @returns how many were skipped since the last that was taken; nothing where this one is skipped too */
  take(now: number): number | undefined {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#left = this.#perSecond;
    }
    if (this.#left === 0) {
      this.#skipped++;
      return undefined;
    }
    this.#left--;
    const skipped = this.#skipped;
    this.#skipped = 0;
    return skipped;
  }
}

/**
 * Lines of single calls in the log of the process: a share of all calls, and of failed and slow ones all, up to so many per second. What a
 * line says comes from the caller of {@link ended}, and is asked for only when there is to be a line.
 */
export class AccessLog {
  readonly #settings: AccessLogSettings;
  readonly #log: Logger;
  readonly #random: () => number;
  readonly #now: () => number;
  readonly #errors: Budget;
  readonly #slow: Budget;

  constructor({ settings, log, random = Math.random, now = Date.now }: AccessLogOptions) {
    this.#settings = settings;
    // Calls are not warnings: whoever turned them on wants them, whatever else the log shows. A silent log stays silent.
    this.#log = log.level === 'silent' ? log : log.child({}, { level: 'info' });
    this.#random = random;
    this.#now = now;
    this.#errors = new Budget(settings.maxPerSecond);
    this.#slow = new Budget(settings.maxPerSecond);
  }

  /**
   * A call has ended.
   * @param status of gRPC
   * @param describe the line's fields: names, codes and numbers, never an entity, a stored value or a token
   */
  ended(status: number, milliseconds: number, describe: () => object): void {
    const { sampleRatio, slowMs } = this.#settings;
    if (status !== GrpcStatus.OK && this.#write('error', this.#errors, describe)) return;
    if (milliseconds >= slowMs && this.#write('slow', this.#slow, describe)) return;
    if (sampleRatio > 0 && this.#random() < sampleRatio) this.#line('sample', 0, describe);
  }

  #write(reason: AccessReason, budget: Budget, describe: () => object): boolean {
    const skipped = budget.take(this.#now());
    if (skipped === undefined) return false;
    this.#line(reason, skipped, describe);
    return true;
  }

  #line(reason: AccessReason, skipped: number, describe: () => object): void {
    this.#log.info({ ...describe(), reason, ...(skipped > 0 && { skipped }) }, 'call');
  }
}
