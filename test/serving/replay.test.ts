import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { GetOnlineFeaturesResponseSchema } from '../../gen/feast/serving/ServingService_pb.ts';
import { answerFromResponse, SERVING_METHOD } from '../support/online-features-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ServedProject, serveProject } from '../support/serving-project.ts';
import { type ReplayStore, readReplay } from './replay/replay-file.ts';
import { createReplayProject, REPLAY_TIME } from './replay/replay-project.ts';

/** Requests and answers were recorded before the hot path was optimised; how answers are made must not show in their bytes. */
for (const store of ['redis', 'sqlite'] as const) {
  describe(`recorded requests, answered from ${store}`, () => {
    let redis: RedisServer | undefined;
    let repo = '';
    let served: ServedProject;

    before(async () => {
      repo = mkdtempSync(join(tmpdir(), 'sideboard-replay-'));
      if (store === 'redis') redis = await startRedisServer();
      await createReplayProject(repo, onlineStoreSection(store, redis?.port));
      served = await serveProject(repo);
      served.setTime(REPLAY_TIME);
    });
    after(async () => {
      await served.close();
      await redis?.remove();
      rmSync(repo, { recursive: true, force: true });
    });

    const lines = readReplay(store);

    it('are enough of them: every workload in three forms, and one of many rows', () => {
      assert.equal(lines.length, 13);
    });

    for (const { name, request, answer } of lines) {
      it(`${name}: the answer is the same to the byte`, async () => {
        const actual = await served.client.call(SERVING_METHOD, Buffer.from(request, 'base64'));
        const expected = Buffer.from(answer, 'base64');
        // Decoded first: a difference then has a name.
        assert.deepEqual(answerOf(actual), answerOf(expected));
        assert.ok(actual.equals(expected), 'the answers say the same in different bytes');
      });
    }

    it('hold every status', () => {
      const answers = lines.map(({ answer }) => answerOf(Buffer.from(answer, 'base64')));
      const statuses = new Set(answers.flatMap(({ columns }) => columns.flatMap((column) => column.statuses)));
      assert.deepEqual([...statuses].sort(), ['NOT_FOUND', 'NULL_VALUE', 'OUTSIDE_MAX_AGE', 'PRESENT']);
    });
  });
}

function onlineStoreSection(store: ReplayStore, port: number | undefined): Readonly<Record<string, unknown>> {
  return store === 'redis'
    ? { type: 'redis', connection_string: `127.0.0.1:${port}` }
    : { type: 'sqlite', path: 'online_store.db' };
}

function answerOf(bytes: Uint8Array) {
  return answerFromResponse(fromBinary(GetOnlineFeaturesResponseSchema, bytes));
}
