import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { FuzzFinding, FuzzMessage, FuzzOrder } from './fuzz-worker.ts';
import { MAX_INPUT_BYTES } from './mutate.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** Mutations to try, beside the inputs of the corpus. */
  readonly inputs?: number;
  readonly seconds?: number;
}

export interface FuzzOutcome {
  readonly inputs: number;
  readonly findings: readonly FuzzFinding[];
}

const ENTRY = new URL(`./fuzz-worker${extname(import.meta.url)}`, import.meta.url);
/** Without any progress for so long, an input counts as endless. A busy machine is slower than this by far less. */
const ENDLESS_MS = 15_000;
/** Inputs of 16 KB have no use for more. */
const HEAP_MB = 512;

/**
 * Parses the corpus of a parser and mutations of it, in a thread of its own: an input that never ends, or that takes all memory, is
 * a finding like any other.
 */
export async function fuzz(target: string, { seed, inputs = 1e12, seconds = 1e9 }: FuzzOptions): Promise<FuzzOutcome> {
  const shared = new SharedArrayBuffer(8 + 4 * MAX_INPUT_BYTES);
  const head = new Int32Array(shared, 0, 2);
  const workerData: FuzzOrder = { target, seed, inputs, seconds, shared };
  const worker = new Worker(ENTRY, { workerData, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
  const findings: FuzzFinding[] = [];
  const currentInput = (): Uint8Array => Uint8Array.from(new Uint8Array(shared, 8, head[1] ?? 0));
  let isDone = false;
  worker.on('message', (message: FuzzMessage) => {
    if ('finding' in message) findings.push(message.finding);
    else isDone = true;
  });
  let failure: unknown;
  worker.on('error', (error) => {
    failure = error;
    if (head[0] === 0) return;
    findings.push({ error: `the thread ended: ${error.stack ?? error.message}`, kind: 'ended', input: currentInput() });
  });
  let seen = -1;
  let since = Date.now();
  const watch = setInterval(() => {
    if (head[0] !== seen) {
      seen = head[0] ?? 0;
      since = Date.now();
    } else if (seen > 0 && Date.now() - since > ENDLESS_MS) {
      findings.push({ error: `an input takes more than ${ENDLESS_MS} ms`, kind: 'endless', input: currentInput() });
      void worker.terminate();
    }
  }, 1_000);
  await new Promise<void>((resolve) => {
    worker.once('exit', () => resolve());
  });
  clearInterval(watch);
  if (!isDone && findings.length === 0) {
    throw new Error(`the thread of ${target} ended before its first input`, { cause: failure });
  }
  return { inputs: head[0] ?? 0, findings };
}
