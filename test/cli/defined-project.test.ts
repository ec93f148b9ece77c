import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../support/cli-run.ts';
import { createDefinedRepo } from '../support/defined-repo.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';

describe('a file source that declares its format', () => {
  let repo: FeatureRepo;

  afterEach(() => repo?.remove());

  for (const [format, content] of [
    ['csv', 'driver_id,t,n\n1,2026-01-01T00:00:00Z,7\n'],
    ['jsonl', '{"driver_id": 1, "t": "2026-01-01T00:00:00Z", "n": 7}\n'],
  ] as const) {
    it(`is materialized as ${format}, whatever its file is called`, async () => {
      repo = createDefinedRepo(`
entities: [{name: driver, join_key: driver_id, value_type: Int64}]
sources: [{name: rows, type: file, path: rows.dat, format: ${format}, timestamp_field: t}]
feature_views: [{name: stats, entities: [driver], source: rows, schema: [{name: n, dtype: Int64}]}]
`);
      writeFileSync(join(repo.path, 'rows.dat'), content);
      for (const args of [['apply'], ['materialize', '2025-12-01', '2026-02-01']]) {
        const { status, stderr } = await runCli([...args, '--repo', repo.path]);
        assert.equal(status, 0, stderr);
      }
      const get = ['get', '--features', 'stats:n', '--entity', 'driver_id=1', '--json', '--repo', repo.path];
      assert.deepEqual(JSON.parse((await runCli(get)).stdout).results.at(-1).values, [7]);
    });
  }
});
