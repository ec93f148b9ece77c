import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FigureSheet } from './harness/figures.ts';
import type { FaultRow, RowContext } from './harness/row.ts';
import { failedOf, judgeInvariants, phaseOf } from './load/load-figures.ts';
import { sampleProcess, startSampler } from './product/process-samples.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const LIMIT_MB = 128;
const LIMIT_BYTES = LIMIT_MB * 1024 * 1024;
const CORES = 0.5;
const PERIOD_US = 100_000;
/** As the Helm chart computes it: six tenths of the limit. */
const NODE_OPTIONS = `--max-semi-space-size=8 --max-old-space-size=${Math.floor((LIMIT_MB * 6) / 10)}`;

/** Joins the groups before it becomes the program, so that all of its memory counts. */
const JOIN = ['sh', '-c', 'for group in $FAULTS_CGROUPS; do echo $$ > "$group/cgroup.procs"; done; exec "$@"', 'sh'];

/** A control group with the limits. */
interface ControlGroup {
  /** Folders that the process has to join. */
  readonly folders: readonly string[];
  readonly kind: string;
  /** Most memory that was charged, in bytes, and how often the kernel killed for want of it. */
  peak(): number | undefined;
  kills(): number;
  /** Time for which the processor was withheld, in seconds. */
  throttledSeconds(): number;
}

export const smallContainer: FaultRow = {
  id: 'R21',
  title: 'a small container',
  injected: `a control group with ${LIMIT_MB} MiB and ${CORES} of a core, Node's heap limited as the Helm chart does it`,
  mutations: [
    {
      name: 'every request leaves a megabyte behind',
      file: 'src/serving/request-limits.js',
      find: 'if (rows > maxEntities)',
      replace: '(globalThis.left ??= []).push(Buffer.alloc(1e6, 1)); if (rows > maxEntities)',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const group = createGroup(context);
    const scene = await createRedisScene(context, form, {
      direct: true,
      product: {
        env: { NODE_OPTIONS, ...(group && { FAULTS_CGROUPS: group.folders.join(' ') }) },
        ...(group && { wrapper: JOIN }),
      },
    });
    const { product } = scene;
    const load = await scene.load({ deadlineMs: 2_000 });
    await load.untilOk(50);
    const sampler = startSampler(product.pid, 100, context.cleanUp);
    await load.phase('base load');
    await (form === 'long' ? sleep(40_000) : load.untilEnded(300));
    await load.phase('all it can');
    await load.setPace({ kind: 'closed', concurrency: 64 });
    await (form === 'long' ? sleep(10_000) : load.untilEnded(500));
    const most = Math.max(sampleProcess(product.pid).rssMb, ...sampler.stop().map(({ rssMb }) => rssMb));
    const result = await load.stop();
    judgeInvariants(sheet, result);
    const base = phaseOf(result, 'base load');
    sheet.none(`of ${base.sent} calls of the base load, those that failed`, failedOf(base), base.failureTexts);
    sheet.tell('p99 of the base load', base.okLatency.p99, 'ms');
    sheet.tell(
      'calls a second, with all it can',
      (phaseOf(result, 'all it can').ok * 1_000) / phaseOf(result, 'all it can').lengthMs,
    );
    sheet.atMost('most resident memory', most, LIMIT_MB, 'MiB');
    if (group === undefined) {
      sheet.note(
        'This machine lets nobody make control groups here: only the heap was limited, and the resident memory is judged.',
      );
    } else {
      sheet.none('times that the kernel killed for want of memory', group.kills());
      const peak = group.peak();
      if (peak !== undefined) sheet.atMost('most memory charged to the group', peak / 1024 / 1024, LIMIT_MB, 'MiB');
      sheet.tell('time for which the processor was withheld', group.throttledSeconds(), 's');
      sheet.note(`${group.kind}; the same limits in a container that runc made are tested by npm run test:container.`);
    }
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

/** Makes the group by version 1 or 2 of the kernel's interface; undefined where that is not allowed. */
function createGroup(context: RowContext): ControlGroup | undefined {
  const name = `sideboard-faults-${process.pid}-${context.seed}`;
  const made: string[] = [];
  context.cleanUp(async () => {
    // The process has just been killed: the kernel takes a moment.
    for (const folder of made) {
      for (let attempt = 0; attempt < 50; attempt++) {
        try {
          rmdirSync(folder);
          break;
        } catch {
          await sleep(20);
        }
      }
    }
  });
  const make = (folder: string, settings: Readonly<Record<string, string>>): string => {
    mkdirSync(folder);
    made.push(folder);
    for (const [file, text] of Object.entries(settings)) writeFileSync(join(folder, file), text);
    return folder;
  };
  try {
    const memory = make(`/sys/fs/cgroup/memory/${name}`, {
      'memory.limit_in_bytes': `${LIMIT_BYTES}`,
    });
    const cpu = make(`/sys/fs/cgroup/cpu/${name}`, {
      'cpu.cfs_period_us': `${PERIOD_US}`,
      'cpu.cfs_quota_us': `${PERIOD_US * CORES}`,
    });
    return {
      kind: 'Control groups of version 1',
      folders: [memory, cpu],
      peak: () => Number(readFileSync(join(memory, 'memory.max_usage_in_bytes'), 'utf8')),
      kills: () => numberAfter('oom_kill', join(memory, 'memory.oom_control')),
      throttledSeconds: () => numberAfter('throttled_time', join(cpu, 'cpu.stat')) / 1e9,
    };
  } catch {
    // Version 2 perhaps.
  }
  try {
    if (!existsSync('/sys/fs/cgroup/cgroup.controllers')) return undefined;
    const folder = make(`/sys/fs/cgroup/${name}`, {
      'memory.max': `${LIMIT_BYTES}`,
      'cpu.max': `${PERIOD_US * CORES} ${PERIOD_US}`,
    });
    return {
      kind: 'A control group of version 2',
      folders: [folder],
      peak() {
        try {
          return Number(readFileSync(join(folder, 'memory.peak'), 'utf8'));
        } catch {
          return undefined;
        }
      },
      kills: () => numberAfter('oom_kill', join(folder, 'memory.events')),
      throttledSeconds: () => numberAfter('throttled_usec', join(folder, 'cpu.stat')) / 1e6,
    };
  } catch {
    return undefined;
  }
}

function numberAfter(word: string, file: string): number {
  return Number(new RegExp(`^${word} (\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
}
