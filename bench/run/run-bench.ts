import { startLoadDriver } from '../load/driver.ts';
import type { BenchReport, GrowthCell, WorkloadProfile } from '../report/bench-report.ts';
import { workloads } from '../workloads/workload.ts';
import type { BenchOptions } from './bench-options.ts';
import { createBenchProject } from './bench-project.ts';
import { benchTargets, programOf } from './bench-targets.ts';
import { runGrowth } from './growth.ts';
import { describeMachine } from './machine.ts';
import { runProfiles } from './profiles.ts';
import { type Collected, type RoundContext, runRound } from './rounds.ts';

/** Prepares everything, measures everything, takes everything down. @param say progress for whoever watches */
export async function runBench(options: BenchOptions, say: (text: string) => void): Promise<BenchReport> {
  const project = await createBenchProject(options, say);
  const driver = startLoadDriver();
  try {
    const { targets, notes } = benchTargets(options, project);
    const collected: Collected = { cells: [], starts: [], paced: [], notes: [...notes] };
    const context: RoundContext = { options, project, driver, targets, collected, say };
    for (const note of notes) say(note);
    for (const { name, address } of options.peers) {
      say(
        `${name} is waited for at ${address}: start it on ${project.repos.redis} (Redis at ${project.redis.address}).`,
      );
    }
    const chosen = workloads.filter(({ name }) => options.workloads.includes(name));
    const growth: GrowthCell[] = [];
    for (let round = 1; round <= options.rounds; round++) {
      for (const workload of chosen) await runRound(context, round, workload);
      if (options.growth) growth.push(...(await runGrowth(context, round)));
    }
    const profiles: readonly WorkloadProfile[] = options.profile
      ? await runProfiles(context, programOf(options), chosen)
      : [];
    return {
      machine: describeMachine(project.redis.version),
      settings: {
        rounds: options.rounds,
        seconds: options.seconds,
        warmupSeconds: options.warmupSeconds,
        entities: options.entities,
        connections: options.connections,
        askBy: options.askBy,
        serveArgs: options.serveArgs,
      },
      ...collected,
      growth,
      profiles,
    };
  } finally {
    await driver.close();
    await project.close();
  }
}
