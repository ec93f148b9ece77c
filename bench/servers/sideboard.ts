import { askOnce } from '../load/ask-once.ts';
import { processTree } from '../measure/process-cpu.ts';
import { freePort, startChildServer } from './child-server.ts';
import type { Target } from './target.ts';

export const SERVING_METHOD = '/feast.serving.ServingService/GetOnlineFeatures';

/** How the `sideboard` program is started: Node's options and the program's file. */
export type SideboardProgram = readonly string[];

export interface SideboardOptions {
  readonly program: SideboardProgram;
  readonly repo: string;
  readonly reads: 'redis' | 'sqlite';
  /** Options of `sideboard serve` to measure, for example `--workers`. */
  readonly serveArgs?: readonly string[];
}

export function sideboardTarget(options: SideboardOptions): Target {
  return {
    name: options.reads === 'redis' ? 'sideboard' : `sideboard-${options.reads}`,
    reads: options.reads,
    async start(_workload, requests) {
      const address = `127.0.0.1:${await freePort()}`;
      const endpoint = { kind: 'grpc', address, path: SERVING_METHOD } as const;
      const server = await startChildServer({
        what: 'sideboard serve',
        command: process.execPath,
        args: [
          ...options.program,
          'serve',
          '--repo',
          options.repo,
          '--grpc-address',
          address,
          '--admin-address',
          'off',
          ...(options.serveArgs ?? []),
        ],
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
