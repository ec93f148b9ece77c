import { setTimeout as sleep } from 'node:timers/promises';
import { askOnce } from '../load/ask-once.ts';
import type { GrpcEndpoint } from '../load/exchange.ts';
import { listeningProcess } from '../measure/listening-process.ts';
import { processTree } from '../measure/process-cpu.ts';
import { FEATURE_SERVER_METHOD } from './feast-python.ts';
import { SERVING_METHOD } from './sideboard.ts';
import type { Target } from './target.ts';

export interface PeerOptions {
  readonly name: string;
  /** `host:port` */
  readonly address: string;
  /** How long to wait for it to be started. */
  readonly waitMs: number;
}

/** Any server of the same protocol that somebody else started on the bench's project. It is left running. */
export function peerTarget({ name, address, waitMs }: PeerOptions): Target {
  return {
    name,
    reads: 'redis',
    async start(_workload, requests) {
      const endpoint = await findEndpoint(address, requests.slice(0, 1), waitMs);
      const pid = listeningProcess(Number(address.slice(address.lastIndexOf(':') + 1)));
      return {
        endpoint,
        pids: () => (pid === undefined ? [] : processTree(pid)),
        answers: 'meaning',
        stop: async () => {},
      };
    },
  };
}

/** The Go and Java servers know one service, the Python server the other. */
async function findEndpoint(address: string, requests: readonly Uint8Array[], waitMs: number): Promise<GrpcEndpoint> {
  const giveUp = Date.now() + waitMs;
  for (;;) {
    let reason: unknown;
    for (const path of [SERVING_METHOD, FEATURE_SERVER_METHOD]) {
      const endpoint = { kind: 'grpc', address, path } as const;
      try {
        await askOnce(endpoint, requests);
        return endpoint;
      } catch (error) {
        reason = error;
      }
    }
    if (Date.now() > giveUp) throw new Error(`no peer answers: ${String(reason)}`);
    await sleep(250);
  }
}
