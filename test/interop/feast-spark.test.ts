import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonValue } from '@bufbuild/protobuf';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Value } from '../../gen/feast/types/Value_pb.ts';
import { runCli } from '../support/cli-run.ts';
import { requireFeastSpark, runFeastSpark } from '../support/feast-spark.ts';
import {
  bool,
  comparableValue,
  double,
  float,
  floatList,
  int32,
  int64,
  string,
  stringList,
  timestamp,
} from '../support/feature-values.ts';
import { createOnlineFeaturesClient } from '../support/online-features-client.ts';
import { projectRoot } from '../support/project-root.ts';
import { redisContent } from '../support/redis-content.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-topologies.ts';
import { startSideboard } from '../support/sideboard-process.ts';

const RIDERS = 3000;
const ROWS_OF_A_REQUEST = 500;
const INTERVAL = ['2026-01-01T00:00:00', '2026-02-01T00:00:00'] as const;

/** How a column of the source, as DuckDB shows it in JSON, looks as a feature. */
const features: Readonly<Record<string, (cell: never) => Value>> = {
  'rider_activity:rides_7d': (cell: string) => int64(BigInt(cell)),
  'rider_activity:seats': int32,
  'rider_activity:spend_7d': double,
  'rider_activity:cancel_rate': float,
  'rider_activity:has_card': bool,
  'rider_profile:home_city': string,
  'rider_profile:languages': (cell: string[]) => stringList(...cell),
  'rider_profile:taste': (cell: number[]) => floatList(...cell),
  'rider_profile:joined': (cell: number) => timestamp(cell),
};

const SOURCE = `
  SELECT activity.rider_id, rides_7d, seats, spend_7d, cancel_rate, has_card, home_city, languages, taste,
         epoch_ms(joined)::DOUBLE / 1000 AS joined
  FROM (
    SELECT * FROM 'data/rider_activity/*.parquet'
    QUALIFY row_number() OVER (PARTITION BY rider_id ORDER BY event_timestamp DESC) = 1
  ) AS activity
  JOIN 'data/rider_profile.parquet' AS profile USING (rider_id)
  ORDER BY activity.rider_id`;

describe('examples/scale: a Redis Cluster that Feast loads by Spark', function () {
  this.timeout(900_000);
  let cluster: RedisCluster;
  let repo = '';

  before(async function () {
    requireFeastSpark(this);
    cluster = await startRedisCluster();
    repo = mkdtempSync(join(tmpdir(), 'sideboard-spark-'));
    const example = join(projectRoot, 'examples', 'scale');
    for (const file of ['definitions.py', 'generate.py', 'without-spark/definitions.yaml']) {
      cpSync(join(example, file), join(repo, file));
    }
    const nodes = cluster.masters.map(({ port }) => `127.0.0.1:${port}`).join(',');
    for (const file of ['feature_store.yaml', 'without-spark/feature_store.yaml']) {
      const text = readFileSync(join(example, file), 'utf8');
      const moved = text.replace('127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103', nodes);
      assert.notEqual(moved, text, file);
      writeFileSync(join(repo, file), moved);
    }
    await runFeastSpark('python', repo, 'generate.py', String(RIDERS));
  });

  after(async () => {
    await cluster?.remove();
    if (repo !== '') rmSync(repo, { recursive: true, force: true });
  });

  const content = async () =>
    new Map(
      (await Promise.all(cluster.masters.map(({ client }) => redisContent(client))))
        .flatMap((each) => [...each])
        .sort(),
    );

  it('is served unchanged, every value as in the source, and sideboard materialize leaves the same bytes', async () => {
    await runFeastSpark('feast', repo, 'apply');
    await runFeastSpark('feast', repo, 'materialize', ...INTERVAL);
    const bySpark = await content();
    assert.equal(bySpark.size, RIDERS);

    await assertServed(repo, await sourceRows(repo));

    await Promise.all(cluster.masters.map(({ client }) => client.flushall()));
    const withoutSpark = join(repo, 'without-spark');
    for (const args of [['apply'], ['materialize', ...INTERVAL]]) {
      const { status, stderr } = await runCli([...args, '--repo', withoutSpark]);
      assert.equal(status, 0, stderr);
    }
    assert.deepEqual(await content(), bySpark);
    await assertServed(withoutSpark, (await sourceRows(repo)).slice(0, ROWS_OF_A_REQUEST));
  });
});

type SourceRow = Readonly<Record<string, unknown>>;

/** The newest activity of each rider with the profile, read by nothing of this project. */
async function sourceRows(repo: string): Promise<readonly SourceRow[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(SOURCE.replaceAll("'data/", `'${repo}/data/`));
    const rows = reader.getRowObjectsJson();
    assert.equal(rows.length, RIDERS);
    return rows;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function assertServed(repo: string, rows: readonly SourceRow[]): Promise<void> {
  const serving = await startSideboard(repo);
  const client = createOnlineFeaturesClient(serving.address);
  try {
    let nulls = 0;
    for (let first = 0; first < rows.length; first += ROWS_OF_A_REQUEST) {
      const some = rows.slice(first, first + ROWS_OF_A_REQUEST);
      const rider_id = some.map(({ rider_id }) => int64(BigInt(String(rider_id))));
      const { columns } = await client.ask({ features: Object.keys(features), entities: { rider_id } });
      for (const [index, [feature, encode]] of [...Object.entries(features).entries()]) {
        const column = columns[index + 1];
        const name = feature.slice(feature.indexOf(':') + 1);
        const expected = some.map((row): [JsonValue, string] => {
          const cell = row[name];
          if (cell !== null) return [comparableValue(encode(cell as never)), 'PRESENT'];
          nulls++;
          return [{}, 'NULL_VALUE'];
        });
        assert.equal(column?.name, name);
        assert.deepEqual(
          column.values.map((value, row) => [value, column.statuses[row]]),
          expected,
        );
      }
    }
    assert.ok(nulls > 0, 'the source has nulls');
  } finally {
    client.close();
    await serving.stop();
  }
}
