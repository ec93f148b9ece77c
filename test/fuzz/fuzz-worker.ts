import { parentPort, workerData } from 'node:worker_threads';
import { createSeededRandom } from '../support/seeded-random.ts';
import { readCorpus } from './corpus.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { mutated, pick } from './mutate.ts';
import { fuzzTargets } from './targets.ts';

/** What a thread is to do. */
export interface FuzzOrder {
  readonly target: string;
  readonly seed: number;
  /** Mutations to try, and for how long at most. */
  readonly inputs: number;
  readonly seconds: number;
  /** The count of inputs begun, the length of the current one, and behind it the input: read by the other side where nothing goes on. */
  readonly shared: SharedArrayBuffer;
}

export interface FuzzFinding {
  readonly error: string;
  /** What findings of the same cause have in common. */
  readonly kind: string;
  readonly input: Uint8Array;
  /** File of the corpus that it comes from, where it is one. */
  readonly file?: string;
}

export type FuzzMessage = { readonly finding: FuzzFinding } | { readonly done: number };

/** An input, of 16 KB at most, may take so much processor time, in the best of some attempts. */
const SLOW_MS = 1_000;
const ATTEMPTS = 4;
/** Of an input that was found, so many smaller ones are tried. */
const SHRINKING_STEPS = 400;
const SHRINKING_MS = 3_000;
const MAX_FINDINGS = 20;

const order = workerData as FuzzOrder;
const head = new Int32Array(order.shared, 0, 2);
const current = new Uint8Array(order.shared, 8);

await run();

async function run(): Promise<void> {
  const target = fuzzTargets.find(({ name }) => name === order.target);
  if (target === undefined) throw new Error(`there is no parser ${order.target}`);
  const random = createSeededRandom(order.seed);
  const corpus = readCorpus(target.name);
  const kinds = new Set<string>();
  for (const { name, bytes } of corpus) {
    const found = await attempt(target, bytes);
    if (found !== undefined && !kinds.has(found.kind)) {
      kinds.add(found.kind);
      tell({ finding: { ...found, file: name } });
    }
  }
  const inputs = corpus.map(({ bytes }) => bytes);
  if (inputs.length === 0) inputs.push(Buffer.alloc(0));
  const until = Date.now() + order.seconds * 1000;
  for (let at = 0; at < order.inputs && kinds.size < MAX_FINDINGS && Date.now() < until; at++) {
    const input = mutated(random, target, pick(random, inputs), pick(random, inputs));
    const found = await attempt(target, input);
    if (found === undefined || kinds.has(found.kind)) continue;
    kinds.add(found.kind);
    tell({ finding: await shrunk(target, found) });
  }
  tell({ done: head[0] ?? 0 });
}

/** What is wrong with how an input is parsed, if anything is. */
async function attempt(target: FuzzTarget, input: Buffer): Promise<FuzzFinding | undefined> {
  head[0] = (head[0] ?? 0) + 1;
  head[1] = input.length;
  current.set(input);
  let best = Number.POSITIVE_INFINITY;
  for (let left = ATTEMPTS; left > 0 && best > SLOW_MS; left--) {
    const start = process.cpuUsage();
    try {
      // A copy: views of what was received are all that a parser may see of its neighbours.
      const checked = target.check(Buffer.from(input));
      if (checked !== undefined) await checked;
    } catch (error) {
      return { error: textOf(error), kind: kindOf(error), input };
    }
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  if (best <= SLOW_MS) return undefined;
  return { error: `an input of ${input.length} bytes takes ${Math.round(best)} ms`, kind: 'slow', input };
}

/** A smaller input that is wrong in the same way. */
async function shrunk(target: FuzzTarget, found: FuzzFinding): Promise<FuzzFinding> {
  let best = found;
  let steps = SHRINKING_STEPS;
  const until = Date.now() + SHRINKING_MS;
  for (let size = Math.ceil(found.input.length / 2); size >= 1 && steps > 0; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.input.length && steps > 0 && Date.now() < until; steps--) {
      const bytes = Buffer.from(best.input);
      const smaller = await attempt(target, Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]));
      if (smaller?.kind === found.kind) best = smaller;
      else at += size;
    }
  }
  return best;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Name and place of an error: its message may hold parts of the input. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const places = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return `${error.name} ${'code' in error ? String(error.code) : ''} ${places.slice(0, 3).join('')}`;
}

function tell(message: FuzzMessage): void {
  parentPort?.postMessage(message);
}
