import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askOnce } from '../load/ask-once.ts';
import { processTree } from '../measure/process-cpu.ts';
import { nodeEntry } from '../node-entry.ts';
import { expectedBytes } from '../workloads/expected-answer.ts';
import { freePort, startChildServer } from './child-server.ts';
import type { Target } from './target.ts';

/** A server that reads nothing: it sends the right answer to one request of the workload for every request. */
export function grpcJsEchoTarget(folder: string): Target {
  return {
    name: 'grpcjs-echo',
    reads: 'nothing',
    async start(workload, requests) {
      const port = await freePort();
      const answer = expectedBytes(
        workload,
        Array.from({ length: workload.entities }, (_, row) => row + 1),
      );
      const file = join(folder, `${workload.name}.answer`);
      writeFileSync(file, answer);
      const entry = nodeEntry(new URL('./grpcjs-echo-process.ts', import.meta.url));
      const endpoint = { kind: 'grpc', address: `127.0.0.1:${port}`, path: '/bench.Echo/Echo' } as const;
      const server = await startChildServer({
        what: 'the grpc-js echo',
        command: process.execPath,
        args: [...entry.execArgv, entry.file, `${port}`, file],
        isUp: () => askOnce(endpoint, requests.slice(0, 1)),
      });
      return {
        endpoint,
        pids: () => processTree(server.pid),
        answers: { bytes: answer },
        firstAnswerMs: server.firstAnswerMs,
        stop: () => server.stop(),
      };
    },
  };
}
