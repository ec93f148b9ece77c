import { LatencyHistogram } from '../../../bench/load/histogram.ts';
import type { Wrong } from '../data/check-answer.ts';
import type { LatencyFigures, PhaseResult } from './load-spec.ts';

const KEPT_TEXTS = 8;

/** Counts the calls of one phase. */
export class PhaseCounter {
  readonly name: string;
  readonly #beganMs: number;
  readonly #okLatency = new LatencyHistogram();
  readonly #failedLatency = new LatencyHistogram();
  readonly #codes = new Map<string, number>();
  readonly #sideboardCodes = new Map<string, number>();
  readonly #wrong = new Map<Wrong, number>();
  readonly #wrongDetails = new Set<string>();
  readonly #failureTexts = new Set<string>();
  #failed = 0;
  sent = 0;
  ok = 0;
  endedMs: number | undefined;

  constructor(name: string, beganMs: number) {
    this.name = name;
    this.#beganMs = beganMs;
  }

  get underWay(): number {
    return this.sent - this.ok - this.#failed;
  }

  countOk(ms: number): void {
    this.ok++;
    this.#okLatency.record(ms * 1000);
  }

  countFailure(ms: number, code: string, sideboardCode: string | undefined, text: string | undefined): void {
    this.#failed++;
    this.#failedLatency.record(ms * 1000);
    increment(this.#codes, code);
    if (sideboardCode !== undefined) increment(this.#sideboardCodes, sideboardCode);
    if (text !== undefined && this.#failureTexts.size < KEPT_TEXTS) this.#failureTexts.add(`${code}: ${text}`);
  }

  countWrong(wrong: Wrong, detail: string): void {
    increment(this.#wrong, wrong);
    if (this.#wrongDetails.size < KEPT_TEXTS) this.#wrongDetails.add(`${wrong}: ${detail}`);
  }

  result(nowMs: number): PhaseResult {
    return {
      name: this.name,
      beganMs: this.#beganMs,
      lengthMs: (this.endedMs ?? nowMs) - this.#beganMs,
      sent: this.sent,
      ok: this.ok,
      codes: Object.fromEntries(this.#codes),
      sideboardCodes: Object.fromEntries(this.#sideboardCodes),
      wrong: Object.fromEntries(this.#wrong),
      wrongDetails: [...this.#wrongDetails],
      failureTexts: [...this.#failureTexts],
      okLatency: figuresOf(this.#okLatency),
      failedLatency: figuresOf(this.#failedLatency),
    };
  }
}

function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function figuresOf(histogram: LatencyHistogram): LatencyFigures {
  const ms = (share: number): number => (histogram.count === 0 ? 0 : histogram.percentile(share) / 1000);
  return {
    count: histogram.count,
    p50: ms(0.5),
    p90: ms(0.9),
    p99: ms(0.99),
    p999: ms(0.999),
    max: histogram.longest / 1000,
  };
}
