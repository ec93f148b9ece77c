import { parseArgs } from 'node:util';
import type { LoadingOptions } from '../loading/loading-context.ts';
import type { StoreName } from '../workloads/project.ts';
import type { AskBy } from '../workloads/workload.ts';

/** The program as it is shipped. */
const BUILT = 'dist/main.js';

/** The same as one file for each module, which is how a profile names and groups functions. */
const FILE_BY_FILE = '.cache/bench/src/cli/main.js';

export interface BenchOptions {
  readonly workloads: readonly string[];
  readonly concurrency: readonly number[];
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly rounds: number;
  /** Entities in the stores. */
  readonly entities: number;
  readonly stores: readonly StoreName[];
  readonly targets: readonly TargetName[];
  readonly peers: readonly { readonly name: string; readonly address: string }[];
  readonly askBy: AskBy;
  /** HTTP/2 connections of the driver. */
  readonly connections: number;
  /** Requests per second of the paced measurement; 0 leaves it out. */
  readonly rate: number;
  readonly growth: boolean;
  readonly profile: boolean;
  /** Folder of the reports. */
  readonly out: string;
  /** Folder of the workload project; a temporary one where it is not named. */
  readonly project: string | undefined;
  /** 0 picks a free one. */
  readonly redisPort: number;
  /** The compiled `sideboard` program. */
  readonly program: string;
  readonly serveArgs: readonly string[];
  /** What to measure of loading and pushing, and nothing else; absent where serving is measured. */
  readonly loading: LoadingOptions | undefined;
}

export const targetNames = ['sideboard', 'grpcjs-echo', 'redis-direct', 'feast-python'] as const;
export type TargetName = (typeof targetNames)[number];
const storeNames = ['redis', 'sqlite'] as const;
const askForms = ['features', 'service'] as const;
const workloadNames = ['S', 'B', 'M', 'L'] as const;

export const usage = `npm run bench -- [options]

  --workloads S,B,M,L       what to ask: 3 features x 1 entity, 50 x 1, 50 x 10, 250 x 100
  --concurrency 1,16,64     requests under way at a time
  --seconds 10              measured time of a cell
  --warmup 3                time before it that is not counted, seconds
  --rounds 3                how often the targets take turns
  --entities 10000          entities in the stores
  --stores redis,sqlite     what Sideboard reads
  --targets ${targetNames.join(',')}
  --peer name=host:port     another server of the same protocol, waited for; may be given several times
  --ask features            how requests name features: features (one by one) or service (a feature service)
  --connections 1           HTTP/2 connections of the load driver
  --rate 1000               requests/s of the paced measurement; 0 leaves it out
  --no-growth               leave out the table of CPU time by size of the request
  --profile                 sample where Sideboard spends its time, after the rounds (--rounds 0: nothing else)
  --loading                 measure loading and pushing instead of serving, next to Feast where it is installed
  --rows 1000000            rows that Sideboard loads
  --feast-rows 100000       rows from the beginning of them that Feast loads
  --large-rows 10000000     rows of a large load into each store, for its memory; 0 leaves it out
  --quick                   short cells, one round, 1,000 entities, no SQLite, no Feast: under a minute, figures of little worth
  --out bench/results       where report.json and report.md go
  --project DIR             keep the workload project there, for a peer to be started on
  --redis-port N            port of the bench's own Redis (default: a free one)
  --program FILE            the compiled program (default: dist/main.js; with --profile, the same file by file)
  --serve-arg=ARG           option of "sideboard serve" to measure; may be given several times`;

const full = {
  seconds: '10',
  warmup: '3',
  rounds: '3',
  entities: '10000',
  stores: storeNames.join(','),
  targets: targetNames.join(','),
  rows: '1000000',
  feastRows: '100000',
  largeRows: '10000000',
};
const quick = {
  seconds: '0.25',
  warmup: '0.15',
  rounds: '1',
  entities: '1000',
  stores: 'redis',
  targets: targetNames.slice(0, 3).join(','),
  rows: '20000',
  feastRows: '1000',
  largeRows: '0',
};

/** Reads the command line; `undefined` asks for the usage. @throws Error naming the option that cannot be read */
export function benchOptionsFromArgs(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      workloads: { type: 'string', default: workloadNames.join(',') },
      concurrency: { type: 'string', default: '1,16,64' },
      seconds: { type: 'string' },
      warmup: { type: 'string' },
      rounds: { type: 'string' },
      entities: { type: 'string' },
      stores: { type: 'string' },
      targets: { type: 'string' },
      peer: { type: 'string', multiple: true, default: [] },
      ask: { type: 'string', default: 'features' },
      connections: { type: 'string', default: '1' },
      rate: { type: 'string', default: '1000' },
      'no-growth': { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      loading: { type: 'boolean', default: false },
      rows: { type: 'string' },
      'feast-rows': { type: 'string' },
      'large-rows': { type: 'string' },
      quick: { type: 'boolean', default: false },
      out: { type: 'string', default: 'bench/results' },
      project: { type: 'string' },
      'redis-port': { type: 'string', default: '0' },
      program: { type: 'string' },
      'serve-arg': { type: 'string', multiple: true, default: [] },
    },
  });
  if (values.help) return undefined;
  const base = values.quick ? quick : full;
  const seconds = number('--seconds', values.seconds ?? base.seconds, 0.05);
  const warmupSeconds = number('--warmup', values.warmup ?? base.warmup, 0);
  const rounds = number('--rounds', values.rounds ?? base.rounds, 0);
  return {
    workloads: oneOf('--workloads', values.workloads, workloadNames),
    concurrency: values.concurrency.split(',').map((text) => number('--concurrency', text, 1)),
    seconds,
    warmupSeconds,
    rounds,
    // A request of L names a hundred entities, each of them once; one of the growth table five hundred.
    entities: number('--entities', values.entities ?? base.entities, 500),
    stores: oneOf('--stores', values.stores ?? base.stores, storeNames),
    targets: oneOf('--targets', values.targets ?? base.targets, targetNames),
    peers: values.peer.map(peerFromText),
    askBy: oneOf('--ask', values.ask, askForms)[0] ?? 'features',
    connections: number('--connections', values.connections, 1),
    rate: number('--rate', values.rate, 0),
    growth: !values['no-growth'],
    profile: values.profile,
    out: values.out,
    project: values.project,
    redisPort: number('--redis-port', values['redis-port'], 0),
    program: values.program ?? (values.profile ? FILE_BY_FILE : BUILT),
    serveArgs: values['serve-arg'],
    loading: values.loading
      ? {
          rounds,
          rows: number('--rows', values.rows ?? base.rows, 10),
          feastRows: number('--feast-rows', values['feast-rows'] ?? base.feastRows, 10),
          largeRows: number('--large-rows', values['large-rows'] ?? base.largeRows, 0),
          seconds,
          warmupSeconds,
          feast: (values.targets ?? base.targets).split(',').includes('feast-python'),
        }
      : undefined,
  };
}

function oneOf<T extends string>(option: string, text: string, allowed: readonly T[]): readonly T[] {
  return text.split(',').map((name) => {
    const found = allowed.find((each) => each === name);
    if (found === undefined) throw new Error(`${option}: "${name}" is none of ${allowed.join(', ')}`);
    return found;
  });
}

function number(option: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least))
    throw new Error(`${option}: "${text}" is not a number of at least ${least}`);
  return value;
}

function peerFromText(text: string): { readonly name: string; readonly address: string } {
  const [, name, address] = /^([\w.-]+)=(.+:\d+)$/.exec(text) ?? [];
  if (name === undefined || address === undefined) throw new Error(`--peer: "${text}" is not name=host:port`);
  return { name, address };
}
