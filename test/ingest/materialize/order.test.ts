import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { ValueType_Enum as Type } from '../../../gen/feast/types/Value_pb.ts';
import { runCli } from '../../support/cli-run.ts';
import { redisContent } from '../../support/redis-content.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { createSourceProject, type SourceProject, SQLITE_STORE, storedInSqlite } from '../../support/source-project.ts';

interface Row {
  readonly id: number;
  readonly second: number;
  readonly made: number;
  readonly x: number;
}

/** Rows of a few entities whose times meet often; no two of an entity have both times in common. */
const someRows = fc.uniqueArray(fc.record({ id: fc.nat(4), second: fc.nat(3), made: fc.nat(3), x: fc.integer() }), {
  maxLength: 30,
  selector: ({ id, second, made }) => `${id} ${second} ${made}`,
});
/** Rows, and the same rows in another order with some of them twice. */
const twoOrders = someRows.chain((rows) =>
  fc.tuple(
    fc.constant(rows),
    fc
      .tuple(fc.shuffledSubarray(rows, { minLength: rows.length }), fc.subarray(rows))
      .chain(([shuffled, again]) =>
        fc.shuffledSubarray([...shuffled, ...again], { minLength: shuffled.length + again.length }),
      ),
  ),
);

describe('rows in another order, rows given twice and rows that come late', function () {
  this.timeout(120_000);
  let redis: RedisServer;
  let project: SourceProject | undefined;

  before(async () => {
    redis = await startRedisServer();
  });
  after(() => redis?.remove());
  afterEach(() => project?.remove());

  for (const [name, store, content] of [
    [
      'Redis',
      () => ({ type: 'redis', connection_string: `127.0.0.1:${redis.port}` }),
      () => redisContent(redis.client),
    ],
    ['SQLite', () => SQLITE_STORE, () => storedInSqlite(project as SourceProject)],
  ] as const) {
    it(`leave the same rows in ${name}, loaded at once or in two parts`, async () => {
      const repo = createSourceProject(store(), [
        { features: { x: Type.INT64 }, uri: 'data/rows.csv', createdField: 'made' },
      ]);
      project = repo;

      const load = async (...parts: readonly (readonly Row[])[]): Promise<unknown> => {
        await redis.client.flushall();
        rmSync(join(repo.path, 'data', 'online.db'), { force: true });
        assert.equal((await runCli(['apply', '--repo', repo.path, '--yes'])).status, 0);
        for (const rows of parts) {
          const time = (seconds: number): string => `2026-01-10T00:00:0${seconds}Z`;
          const lines = rows.map(({ id, second, made, x }) => `${id},${x},${time(second)},${time(made)}`);
          writeFileSync(join(repo.path, 'data', 'rows.csv'), `${['id,x,ts,made', ...lines].join('\n')}\n`);
          const run = await runCli(['materialize', '2026-01-01', '2026-02-01', '--repo', repo.path]);
          assert.equal(run.status, 0, run.stderr);
        }
        return content();
      };

      await fc.assert(
        fc.asyncProperty(twoOrders, async ([rows, others]) => {
          const expected = await load(rows);
          assert.deepEqual(await load(others), expected);
        }),
        { numRuns: 8 },
      );
      // What comes late is older than what is stored: Redis keeps no creation times, so only event times can tell.
      await fc.assert(
        fc.asyncProperty(someRows, async (rows) => {
          const newest = new Map<number, Row>();
          for (const row of rows) if ((newest.get(row.id)?.second ?? -1) < row.second) newest.set(row.id, row);
          const late = rows.filter((row) => row.second < (newest.get(row.id)?.second ?? 0));
          const first = rows.filter((row) => !late.includes(row));
          assert.deepEqual(await load(first, late), await load(rows));
        }),
        { numRuns: 6 },
      );
    });
  }
});
