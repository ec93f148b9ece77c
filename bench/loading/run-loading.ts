import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadingReport } from '../report/loading-report.ts';
import { describeMachine } from '../run/machine.ts';
import { startRedis } from '../servers/redis.ts';
import type { SideboardProgram } from '../servers/sideboard.ts';
import type { LoadingContext, LoadingOptions } from './loading-context.ts';
import { FEAST, runLoads } from './run-loads.ts';
import { runPushes } from './run-pushes.ts';

/** Loads and pushes on a Redis of its own. @param say progress for whoever watches */
export async function runLoading(
  options: LoadingOptions,
  program: SideboardProgram,
  say: (text: string) => void,
): Promise<LoadingReport> {
  const folder = mkdtempSync(join(tmpdir(), 'sideboard-loading-'));
  try {
    const redis = await startRedis(folder, 0);
    const context: LoadingContext = { options, folder, redis, program, say };
    try {
      const pushes = await runPushes(context);
      const loads = await runLoads(context);
      const { feast, ...settings } = options;
      return {
        machine: describeMachine(redis.version),
        settings,
        loads,
        pushes,
        notes: feast && existsSync(FEAST) ? [] : ['Feast was not measured.'],
      };
    } finally {
      await redis.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
