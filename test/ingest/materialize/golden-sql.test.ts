import assert from 'node:assert/strict';
import { openProject } from '../../../src/cli/composition.ts';
import { runCli } from '../../support/cli-run.ts';
import type { FeatureRepo } from '../../support/feature-repo.ts';
import { readGoldenLines } from '../../support/golden.ts';
import { createSourceRepo } from '../../support/materialize-repo.ts';
import { sharedMysqlServer } from '../../support/mysql-server.ts';
import { sharedPostgresServer } from '../../support/postgres-server.ts';
import { plainRow, recordedTables } from '../../support/sql-golden.ts';

interface LoadStep {
  readonly step: string;
  readonly args: readonly [{ readonly $datetime: string }, { readonly $datetime: string }, readonly string[] | null];
}

const DATABASE = 'materialized';
const hosted = (type: string, port: number): object => ({ type, host: '127.0.0.1', port, database: DATABASE });

describe('materialize, against what Feast stored of the same files in databases', function () {
  this.timeout(120_000);
  let repo: FeatureRepo | undefined;
  afterEach(() => repo?.remove());

  for (const [store, prepare] of [
    [
      'mysql',
      async () => {
        const server = await sharedMysqlServer();
        await server.createDatabase(DATABASE);
        return { ...hosted('mysql', server.port), user: 'root', password: 'root' };
      },
    ],
    [
      'postgres',
      async () => {
        const server = await sharedPostgresServer();
        await server.createDatabase(DATABASE);
        return { ...hosted('postgres', server.port), user: 'postgres', password: 'postgres', sslmode: 'disable' };
      },
    ],
  ] as const) {
    for (const name of ['composite', 'multiview']) {
      it(`leaves the same rows in ${store} for "${name}"`, async () => {
        repo = createSourceRepo(name, await prepare());
        const { path } = repo;
        const applied = await runCli(['apply', '--repo', path, '--yes']);
        assert.equal(applied.status, 0, applied.stderr);
        for (const { step, args } of readGoldenLines<LoadStep>('redis', name, 'load_log.jsonl')) {
          if (step !== 'materialize') continue;
          const [start, end, views] = args;
          const named = views === null ? [] : ['--views', views.join(',')];
          const run = await runCli(['materialize', start.$datetime, end.$datetime, '--repo', path, ...named]);
          assert.equal(run.status, 0, run.stderr);
        }
        const project = await openProject({ location: { repo: path }, env: {}, warn: () => {} });
        try {
          let compared = 0;
          for (const { table, rows } of recordedTables(store, name)) {
            // Feast was pushed to here.
            if (table.name === 'live_counters') continue;
            const stored = await project.store.onlineRead(
              table,
              rows.map((row) => row.entityKey),
            );
            for (const [index, row] of rows.entries()) {
              assert.deepEqual(plainRow(stored[index]), plainRow(row), `row ${index} of ${table.name}`);
              compared++;
            }
          }
          assert.ok(compared >= 5, `only ${compared} rows were compared`);
        } finally {
          await project.close();
        }
      });
    }
  }
});
