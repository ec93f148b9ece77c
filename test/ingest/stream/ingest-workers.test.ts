import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { createSqliteRepo } from '../../support/golden-repo.ts';
import { eventually } from '../../support/http2-server-under-test.ts';
import { countersBatch, IngestStream } from '../../support/ingest-client.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { startSideboard } from '../../support/sideboard-process.ts';

const NOW = 1_800_000_000;

describe('sideboard.v1.Ingest/Write by workers', function () {
  this.timeout(60_000);
  let redis: RedisServer;

  before(async () => {
    redis = await startRedisServer();
  });
  after(() => redis.remove());

  it('takes calls of several connections, and ends them behind what it acknowledged when it is told to stop', async () => {
    const store = { type: 'redis', connection_string: `127.0.0.1:${redis.port}` };
    const repo = createSqliteRepo('multiview', { online_store: store });
    const serving = await startSideboard(repo.path, '--workers', '2');
    const streams = Array.from({ length: 4 }, () => new IngestStream(serving.address));
    try {
      let stopping = false;
      const sending = streams.map(async (stream, at) => {
        for (let batch = 0; batch < 50 || !stopping; batch++) {
          const rows = Array.from({ length: 20 }, (_, i) => [`c-${at}-${batch}-${i}`, batch, NOW] as const);
          const over = stream.ended.then(() => true);
          const isOver = await Promise.race([stream.send(countersBatch(batch, rows)).then(() => false), over]);
          if (isOver) return;
        }
      });
      await eventually(
        () => streams.every((stream) => stream.acks.length >= 30),
        () => `acknowledged: ${streams.map((stream) => stream.acks.length)}`,
        20_000,
      );
      const stopped = serving.stop();
      for (const stream of streams) assert.equal((await stream.ended).code, status.UNAVAILABLE);
      stopping = true;
      assert.equal(await stopped, 0);
      await Promise.all(sending);
      const acknowledged = streams.map((stream) => stream.acks.map(({ batchId }) => Number(batchId)));
      for (const batches of acknowledged) {
        assert.deepEqual(
          batches,
          batches.map((_, at) => at),
        );
      }
      const rows = acknowledged.reduce((sum, { length }) => sum + 20 * length, 0);
      const stored = await redis.client.dbsize();
      assert.equal(stored, rows, 'what was taken was acknowledged, and nothing else was stored');
    } finally {
      for (const stream of streams) stream.close();
      await serving.stop();
      repo.remove();
    }
  });
});
