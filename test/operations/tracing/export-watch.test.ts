import assert from 'node:assert/strict';
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { ExportWatch } from '../../../src/operations/tracing/export-watch.ts';
import { createLogLines } from '../../support/log-lines.ts';

type Done = Parameters<SpanExporter['export']>[1];

const span = (traceFlags: number): ReadableSpan =>
  ({ spanContext: () => ({ traceId: '', spanId: '', traceFlags }) }) as unknown as ReadableSpan;

describe('what stands around the exporter of spans', () => {
  function open(maxQueued: number) {
    const { log, lines } = createLogLines();
    const counts = { exported: 0, failed: 0, dropped: 0 };
    const watch = new ExportWatch({
      collector: 'http://c',
      maxQueued,
      log,
      onSpans(result, count) {
        counts[result] += count;
      },
    });
    const queued: ReadableSpan[] = [];
    const processor = watch.bounded({
      onStart() {},
      onEnd: (ended) => void queued.push(ended),
      forceFlush: async () => {},
      shutdown: async () => {},
    } satisfies SpanProcessor);
    const waiting: Done[] = [];
    const exporter = watch.watched({
      export: (_, done) => void waiting.push(done),
      shutdown: async () => {},
    });
    const end = (times: number, flags = 1): void => {
      for (let time = 0; time < times; time++) processor.onEnd(span(flags));
    };
    /** Exports what is queued. @returns what the processor is told */
    const flush = (error?: Error): number | undefined => {
      let told: number | undefined;
      exporter.export(queued.splice(0), ({ code }) => {
        told = code;
      });
      waiting.shift()?.(error === undefined ? { code: 0 } : { code: 1, error });
      return told;
    };
    return { end, flush, queued, counts, lines };
  }

  it('lets so many spans wait and be on their way, drops the others and counts them', () => {
    const { end, flush, queued, counts } = open(3);
    end(5);
    assert.equal(queued.length, 3);
    assert.deepEqual(counts, { exported: 0, failed: 0, dropped: 2 });
    flush();
    end(1);
    assert.equal(queued.length, 1);
    assert.deepEqual(counts, { exported: 3, failed: 0, dropped: 2 });
  });

  it('passes over spans that are not sampled: they take no place', () => {
    const { end, queued, counts } = open(2);
    end(10, 0);
    end(2);
    assert.equal(queued.length, 2);
    assert.equal(counts.dropped, 0);
  });

  it('makes room again behind exports that fail, and tells the log once, and once when it works again', () => {
    const { end, flush, counts, lines } = open(10);
    for (let time = 0; time < 50; time++) {
      end(12);
      const error = Object.assign(new Error(''), { code: 'ECONNREFUSED' });
      assert.equal(flush(error), 0, 'nobody else is to tell of it');
    }
    assert.deepEqual(counts, { exported: 0, failed: 500, dropped: 100 });
    end(1);
    flush();
    end(1);
    flush();
    assert.deepEqual(
      lines.map(({ level, ...line }) => line),
      [
        { collector: 'http://c', reason: 'ECONNREFUSED', msg: 'traces cannot be exported; calls do not notice' },
        { collector: 'http://c', lostSpans: 600, msg: 'traces are exported again' },
      ],
    );
  });
});
