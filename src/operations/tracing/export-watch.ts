import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Logger } from '../logger.ts';

/** What became of spans. */
export type SpanResult = 'exported' | 'failed' | 'dropped';

export interface ExportWatchOptions {
  /** What the log calls the collector. */
  readonly collector: string;
  /** Spans that wait, or are on their way, at a time; further ones are dropped. */
  readonly maxQueued: number;
  readonly log: Logger;
  readonly onSpans: (result: SpanResult, count: number) => void;
}

type ExportResult = Parameters<Parameters<SpanExporter['export']>[1]>[0];

/**
 * Stands around the exporter of spans: counts what becomes of them, bounds how many there are at a time, and tells the log once when
 * the collector goes away and once when it is back, however many exports fail in between.
 */
export class ExportWatch {
  readonly #options: ExportWatchOptions;
  #queued = 0;
  #isDown = false;
  #lost = 0;

  constructor(options: ExportWatchOptions) {
    this.#options = options;
  }

  /** In front of the processor: what it is full of is dropped here, and counted. */
  bounded(processor: SpanProcessor): SpanProcessor {
    return {
      onStart: (span, parent) => processor.onStart(span, parent),
      onEnd: (span) => {
        // The processor passes over what is not sampled, without a word to the exporter.
        if ((span.spanContext().traceFlags & 1) === 0) return;
        if (this.#queued >= this.#options.maxQueued) {
          this.#count('dropped', 1);
          return;
        }
        this.#queued++;
        processor.onEnd(span);
      },
      forceFlush: () => processor.forceFlush(),
      shutdown: () => processor.shutdown(),
    };
  }

  /** In place of the exporter. */
  watched(exporter: SpanExporter): SpanExporter {
    return {
      export: (spans: ReadableSpan[], done) =>
        exporter.export(spans, (result) => {
          this.#settled(spans.length, result);
          // The failure has been told: what stands behind would tell it once more, for every export.
          done({ code: 0 });
        }),
      shutdown: () => exporter.shutdown(),
      ...(exporter.forceFlush !== undefined && { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
    };
  }

  #settled(count: number, { code, error }: ExportResult): void {
    this.#queued -= count;
    const { log, collector } = this.#options;
    if (code === 0) {
      this.#count('exported', count);
      if (!this.#isDown) return;
      log.info({ collector, lostSpans: this.#lost }, 'traces are exported again');
      this.#isDown = false;
      this.#lost = 0;
      return;
    }
    this.#count('failed', count);
    if (this.#isDown) return;
    this.#isDown = true;
    log.warn({ collector, reason: reasonOf(error) }, 'traces cannot be exported; calls do not notice');
  }

  #count(result: SpanResult, count: number): void {
    if (result !== 'exported') this.#lost += count;
    this.#options.onSpans(result, count);
  }
}

const MAX_REASON = 200;

/** A refused connection has a code and no message; an HTTP status has both. What a collector answers is not shown. */
function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'unknown';
  const code = 'code' in error && error.code !== undefined ? String(error.code) : '';
  return [code, error.message]
    .filter((part) => part !== '')
    .join(' ')
    .slice(0, MAX_REASON);
}
