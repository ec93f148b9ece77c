import { LineSplitter, type RawLine } from '../text-lines.ts';

export interface LineBatchOptions {
  readonly maxLines: number;
  readonly maxBytes: number;
  /** How long the first line of a batch waits for more, in milliseconds. */
  readonly flushMs: number;
  /** Ends the reading: what was read goes out, a line that has not ended does not. */
  readonly stop: AbortSignal;
}

type ReadEvent = IteratorResult<Uint8Array, unknown> | 'due' | 'stop';

/**
 * Gathers the lines of a stream into batches, which are never empty. Nothing is read while nobody asks for a batch, apart from the
 * piece that is at hand.
 * @throws IngestError `INGEST_BAD_SYNTAX` behind the lines before it, for a line that is too long
 */
export async function* lineBatches(
  input: AsyncIterable<Uint8Array>,
  { maxLines, maxBytes, flushMs, stop }: LineBatchOptions,
): AsyncGenerator<readonly RawLine[]> {
  const source = input[Symbol.asyncIterator]();
  const splitter = new LineSplitter();
  let batch: RawLine[] = [];
  let bytes = 0;
  let due = Number.POSITIVE_INFINITY;
  let reading: Promise<IteratorResult<Uint8Array, unknown>> | undefined;

  const add = (line: RawLine): void => {
    if (batch.length === 0) due = Date.now() + flushMs;
    batch.push(line);
    bytes += line.bytes.length;
  };
  const taken = (): readonly RawLine[] => {
    const full = batch;
    batch = [];
    bytes = 0;
    due = Number.POSITIVE_INFINITY;
    return full;
  };

  for (;;) {
    reading ??= source.next();
    const event = await firstOf(reading, due, stop);
    if (event === 'stop') break;
    if (event !== 'due') {
      reading = undefined;
      if (event.done === true) {
        const last = splitter.last();
        if (last !== undefined) add(last);
        break;
      }
      try {
        for (const line of splitter.push(event.value)) {
          add(line);
          if (batch.length >= maxLines || bytes >= maxBytes) yield taken();
        }
      } catch (error) {
        if (batch.length > 0) yield taken();
        throw error;
      }
    }
    if (batch.length > 0 && Date.now() >= due) yield taken();
  }
  if (batch.length > 0) yield taken();
}

/** Whatever comes first: a piece, the time of the batch, or the end. */
function firstOf(
  reading: Promise<IteratorResult<Uint8Array, unknown>>,
  due: number,
  stop: AbortSignal,
): Promise<ReadEvent> {
  return new Promise((resolve, reject) => {
    const end = (event: ReadEvent): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', onStop);
      resolve(event);
    };
    const onStop = (): void => end('stop');
    const timer = Number.isFinite(due) ? setTimeout(() => end('due'), Math.max(0, due - Date.now())) : undefined;
    if (stop.aborted) onStop();
    else stop.addEventListener('abort', onStop, { once: true });
    reading.then(end, (error: unknown) => {
      clearTimeout(timer);
      stop.removeEventListener('abort', onStop);
      reject(error);
    });
  });
}
