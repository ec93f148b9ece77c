import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary } from '@bufbuild/protobuf';
import { InfraSchema } from '../../gen/feast/core/InfraObject_pb.ts';
import { type Registry, RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { loadSqliteDriver } from '../../src/stores/sqlite/sqlite-driver.ts';
import { runCli } from '../support/cli-run.ts';
import { comparableRegistry } from '../support/comparable-registry.ts';
import { exampleCommands, layOutExample } from '../support/example-project.ts';
import { goldenPath } from '../support/golden.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const data = 'examples/driver_stats/data';
const views = ['driver_hourly_stats', 'driver_profile'] as const;

/** Made by Feast from examples/driver_stats/definitions.py and the same Parquet files (generate.py there). */
const feasts = (file: string) => goldenPath('driver_stats', file);

describe('the example project, made by Sideboard from YAML and Parquet', function () {
  this.timeout(60_000);
  const folder = useTempFolder();
  beforeEach(() => layOutExample(folder()));

  it('has the registry that Feast made of the definitions in Python', () => {
    assert.deepEqual(
      comparable(registryOf(join(folder(), data, 'registry.db'))),
      comparable(registryOf(feasts('registry.db'))),
    );
  });

  for (const view of views) {
    it(`has the rows of ${view} that Feast materialized, to the byte`, async () => {
      const ours = await rowsOf(join(folder(), data, 'online_store.db'), view);
      assert.ok(ours.length >= 800);
      assert.deepEqual(ours, await rowsOf(feasts('online_store.db'), view));
    });
  }

  it('is left as it is when it is made again', async () => {
    const registry = readFileSync(join(folder(), data, 'registry.db'));
    const [apply = []] = exampleCommands();
    const { status, stdout } = await runCli([...apply, '--repo', folder()]);
    assert.equal(status, 0);
    assert.match(stdout, /^Nothing to change/);
    assert.deepEqual(readFileSync(join(folder(), data, 'registry.db')), registry);
  });
});

function registryOf(file: string): Registry {
  return fromBinary(RegistrySchema, readFileSync(file));
}

/** Without what only one of Feast's two ways to apply records: the tables (its command line) and an id of the project (its API). */
function comparable(registry: Registry): unknown {
  return comparableRegistry({ ...registry, infra: create(InfraSchema), projectMetadata: [] }, false);
}

async function rowsOf(file: string, view: string): Promise<readonly unknown[]> {
  const Database = await loadSqliteDriver();
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare(`SELECT * FROM driver_stats_${view} ORDER BY entity_key, feature_name`).raw().all();
  } finally {
    database.close();
  }
}
