import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CpuProfile, selfTimesBetween } from '../profile/cpu-profile.ts';
import { groupSelfTimes } from '../profile/groups.ts';
import type { WorkloadProfile } from '../report/bench-report.ts';
import { type SideboardProgram, sideboardTarget } from '../servers/sideboard.ts';
import type { Workload } from '../workloads/workload.ts';
import { measure, readyTarget, ringOf } from './measure-cell.ts';
import { type RoundContext, timing } from './rounds.ts';

const CONCURRENCY = 16;
const INTERVAL_US = 200;

/**
 * Runs every workload once on a server whose CPU is sampled. Sampling itself costs time: the shares are to be read, not the
 * speed.
 */
export async function runProfiles(
  context: RoundContext,
  program: SideboardProgram,
  chosen: readonly Workload[],
): Promise<readonly WorkloadProfile[]> {
  const { options, project, driver, say } = context;
  const profiles: WorkloadProfile[] = [];
  for (const reads of options.stores) {
    for (const workload of chosen) {
      const name = `${reads}-${workload.name}.cpuprofile`;
      const sampling = ['--cpu-prof', `--cpu-prof-dir=${project.folder}`, `--cpu-prof-name=${name}`];
      const target = sideboardTarget({
        program: [...sampling, `--cpu-prof-interval=${INTERVAL_US}`, ...program],
        repo: project.repos[reads],
        reads,
        serveArgs: options.serveArgs,
      });
      const requests = ringOf(workload, options);
      const running = await target.start(
        workload,
        requests.map(({ bytes }) => bytes),
      );
      const measured = await readyTarget(target.name, running, workload, requests)
        .then((ready) =>
          measure(driver, project.redis, ready, {
            pace: { kind: 'closed', concurrency: CONCURRENCY },
            ...timing(options),
          }),
        )
        .finally(() => running.stop());
      const { beganUs, endedUs, requests: count } = measured.result;
      const sampled: CpuProfile = JSON.parse(readFileSync(join(project.folder, name), 'utf8'));
      const grouped = groupSelfTimes(selfTimesBetween(sampled, beganUs, endedUs));
      profiles.push({ target: target.name, workload: workload.name, requests: count, ...grouped });
      const parts = grouped.groups.map(({ group, share }) => `${group} ${Math.round(share * 100)} %`);
      say(`profile of ${target.name} ${workload.name}: ${parts.join(', ')}`);
      for (const each of grouped.functions) say(`  ${(each.share * 100).toFixed(1).padStart(5)} %  ${each.name}`);
    }
  }
  return profiles;
}
