/**
 * Records `test/golden/replay/`: what the code as it stands answers to the requests of `replay-requests.ts`.
 *
 *     node --import tsx test/serving/replay/record.ts
 *
 * Run it again only when an answer is meant to change, and say in the commit why.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goldenPath } from '../../support/golden.ts';
import { SERVING_METHOD } from '../../support/online-features-client.ts';
import { startRedisServer } from '../../support/redis-server.ts';
import { serveProject } from '../../support/serving-project.ts';
import type { ReplayLine, ReplayStore } from './replay-file.ts';
import { createReplayProject, REPLAY_TIME } from './replay-project.ts';
import { replayRequests } from './replay-requests.ts';

async function record(store: ReplayStore, onlineStore: Readonly<Record<string, unknown>>): Promise<void> {
  const repo = mkdtempSync(join(tmpdir(), 'sideboard-replay-'));
  await createReplayProject(repo, onlineStore);
  const served = await serveProject(repo);
  served.setTime(REPLAY_TIME);
  const lines: ReplayLine[] = [];
  for (const { name, bytes } of replayRequests()) {
    const answer = await served.client.call(SERVING_METHOD, bytes);
    lines.push({ name, request: Buffer.from(bytes).toString('base64'), answer: answer.toString('base64') });
  }
  await served.close();
  rmSync(repo, { recursive: true, force: true });
  mkdirSync(goldenPath('replay'), { recursive: true });
  writeFileSync(goldenPath('replay', `${store}.jsonl`), `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
}

const redis = await startRedisServer();
await record('redis', { type: 'redis', connection_string: `127.0.0.1:${redis.port}` });
await redis.remove();
await record('sqlite', { type: 'sqlite', path: 'online_store.db' });
