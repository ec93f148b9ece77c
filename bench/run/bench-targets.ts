import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { feastPythonTarget } from '../servers/feast-python.ts';
import { grpcJsEchoTarget } from '../servers/grpcjs-echo.ts';
import { peerTarget } from '../servers/peer.ts';
import { redisDirectTarget } from '../servers/redis-direct.ts';
import { type SideboardProgram, sideboardTarget } from '../servers/sideboard.ts';
import type { Target } from '../servers/target.ts';
import type { BenchOptions } from './bench-options.ts';
import type { BenchProject } from './bench-project.ts';

const FEAST = '.venv/feast/bin/feast';
const FEAST_GRPC = '.venv/feast-grpc';
const PEER_WAIT_MS = 120_000;

export interface BenchTargets {
  readonly targets: readonly Target[];
  readonly notes: readonly string[];
}

/** What the options ask for, in the order in which the targets take turns. */
export function benchTargets(options: BenchOptions, project: BenchProject): BenchTargets {
  const notes: string[] = [];
  const targets = options.targets.flatMap((name): Target[] => {
    if (name === 'sideboard') return sideboardTargets(options, project, programOf(options));
    if (name === 'grpcjs-echo') return [grpcJsEchoTarget(project.folder)];
    if (name === 'redis-direct') return [redisDirectTarget(project.redis.address, options.entities)];
    if (existsSync(FEAST) && existsSync(FEAST_GRPC)) {
      const beside = resolve(FEAST_GRPC);
      return [feastPythonTarget({ feast: FEAST, beside, repo: project.repos.redis })];
    }
    notes.push('feast-python was not measured: scripts/setup-feast-grpc.sh installs it.');
    return [];
  });
  const peers = options.peers.map((peer) => peerTarget({ ...peer, waitMs: PEER_WAIT_MS }));
  return { targets: [...targets, ...peers], notes };
}

/** `--program` may be a source, which tests measure where nothing is compiled. */
export function programOf({ program }: BenchOptions): SideboardProgram {
  return program.endsWith('.ts') ? ['--import', 'tsx', program] : [program];
}

function sideboardTargets(options: BenchOptions, project: BenchProject, program: SideboardProgram): Target[] {
  return options.stores.map((reads) =>
    sideboardTarget({ program, repo: project.repos[reads], reads, serveArgs: options.serveArgs }),
  );
}
