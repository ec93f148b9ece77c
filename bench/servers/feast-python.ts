import { askOnce } from '../load/ask-once.ts';
import { processTree } from '../measure/process-cpu.ts';
import { freePort, startChildServer } from './child-server.ts';
import type { Target } from './target.ts';

export const FEATURE_SERVER_METHOD = '/GrpcFeatureServer/GetOnlineFeatures';

/** Seconds; its default of 5 would make it read the registry again in the middle of a measurement. */
const REGISTRY_TTL = '600';

export interface FeastOptions {
  /** Feast's command. */
  readonly feast: string;
  /** Folder of Python packages that its server needs besides. */
  readonly beside: string;
  readonly repo: string;
}

/** Feast's own Python server over gRPC, `feast listen`, on the same repository and the same Redis. */
export function feastPythonTarget({ feast, beside, repo }: FeastOptions): Target {
  return {
    name: 'feast-python',
    reads: 'redis',
    async start(_workload, requests) {
      const address = `127.0.0.1:${await freePort()}`;
      const endpoint = { kind: 'grpc', address, path: FEATURE_SERVER_METHOD } as const;
      const server = await startChildServer({
        what: 'feast listen',
        command: feast,
        args: ['--chdir', repo, 'listen', '--address', address, '--registry_ttl_sec', REGISTRY_TTL],
        env: { ...process.env, FEAST_USAGE: 'False', PYTHONPATH: beside },
        isUp: () => askOnce(endpoint, requests.slice(0, 1)),
      });
      return {
        endpoint,
        pids: () => processTree(server.pid),
        answers: 'meaning',
        firstAnswerMs: server.firstAnswerMs,
        stop: () => server.stop(),
      };
    },
  };
}
