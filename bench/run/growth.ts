import type { GrowthCell } from '../report/bench-report.ts';
import { createWorkload, requestRing } from '../workloads/workload.ts';
import { growthEntities, growthFeatures } from './growth-sizes.ts';
import { measure, readyTarget } from './measure-cell.ts';
import { type RoundContext, timing } from './rounds.ts';

/** Enough to keep the server busy; more of the largest requests would only fill buffers. */
const CONCURRENCY = 4;
const LONGEST_MS = 3000;
/** Short, because decoding a sample of the largest answers takes long. */
const RING = 64;

/** CPU time per request for sizes from three values to 125,000, by one server of Sideboard that reads Redis. */
export async function runGrowth(context: RoundContext, round: number): Promise<readonly GrowthCell[]> {
  const { options, project, driver, say } = context;
  const target = context.targets.find(({ name }) => name === 'sideboard');
  if (target === undefined) return [];
  const cells: GrowthCell[] = [];
  const smallest = createWorkload('growth', 3, 1);
  const running = await target.start(
    smallest,
    requestRing(smallest, options.entities, 1).map(({ bytes }) => bytes),
  );
  const { warmupMs, measureMs, connections } = timing(options);
  const short = { connections, warmupMs: Math.min(warmupMs, 1000), measureMs: Math.min(measureMs, LONGEST_MS) };
  try {
    for (const features of growthFeatures) {
      for (const entities of growthEntities) {
        const workload = createWorkload(`${entities}x${features}`, features, entities);
        const ready = await readyTarget(target.name, running, workload, requestRing(workload, options.entities, RING));
        const pace = { kind: 'closed', concurrency: CONCURRENCY } as const;
        const { result, errors } = await measure(driver, project.redis, ready, { pace, ...short });
        const cpuUsPerRequest = (result.serverCpuMs * 1000) / Math.max(1, result.requests);
        cells.push({
          round,
          target: target.name,
          entities,
          features,
          requests: result.requests,
          errors,
          cpuUsPerRequest,
        });
        say(
          `${round} ${workload.name}: ${Math.round((cpuUsPerRequest * 1000) / (entities * features))} ns of CPU per value`,
        );
      }
    }
  } finally {
    await running.stop();
  }
  return cells;
}
