import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadSqliteDriver } from '../../src/stores/sqlite/sqlite-driver.ts';
import { loadRate } from '../report/loading-goals.ts';
import type { LoadRun } from '../report/loading-report.ts';
import type { LoadingContext } from './loading-context.ts';
import { entitiesOf, firstTime, lastTime, rideFile } from './ride-data.ts';
import { createRideProject, RIDES_TABLE, SQLITE_FILE } from './ride-project.ts';
import { type CommandFigures, runCommand } from './run-command.ts';

export const FEAST = '.venv/feast/bin/feast';
const STORES = ['redis', 'sqlite'] as const;
/** Before the first row: what is measured of Feast with it is its start. */
const EMPTY_INTERVAL = ['2020-01-01T00:00:00Z', '2020-01-02T00:00:00Z'];

type Program = LoadRun['program'];
type Store = LoadRun['store'];

/** Loads the file into each store by both programs in turn, each time into an empty one. */
export async function runLoads(context: LoadingContext): Promise<readonly LoadRun[]> {
  const { rounds, rows, feastRows, largeRows, feast } = context.options;
  const runs: LoadRun[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const store of STORES) {
      runs.push(await load(context, { round, program: 'sideboard', store, rows }));
      if (feast && existsSync(FEAST)) {
        runs.push(await load(context, { round, program: 'feast', store, rows: feastRows }));
      }
    }
  }
  if (largeRows > 0) {
    for (const store of STORES)
      runs.push(await load(context, { round: 1, program: 'sideboard', store, rows: largeRows }));
  }
  return runs;
}

interface Wanted {
  readonly round: number;
  readonly program: Program;
  readonly store: Store;
  readonly rows: number;
}

async function load(context: LoadingContext, { round, program, store, rows }: Wanted): Promise<LoadRun> {
  const folder = await createProject(context, store, rows);
  const materialize = (interval: readonly string[]): Promise<CommandFigures> =>
    program === 'sideboard'
      ? runCommand(process.execPath, [...context.program, 'materialize', ...interval, '--repo', folder])
      : runCommand(FEAST, ['--chdir', folder, 'materialize', ...interval], { ...process.env, FEAST_USAGE: 'False' });
  const start = program === 'feast' ? await materialize(EMPTY_INTERVAL) : { seconds: 0, cpuSeconds: 0 };
  const figures = await materialize([firstTime, lastTime]);
  const entities = store === 'redis' ? await context.redis.size() : await sqliteEntities(join(folder, SQLITE_FILE));
  if (entities !== entitiesOf(rows)) {
    throw new Error(`${program} left ${entities} entities in ${store}, not ${entitiesOf(rows)}`);
  }
  const run: LoadRun = {
    round,
    program,
    store,
    rows,
    entities,
    startSeconds: start.seconds,
    startCpuSeconds: start.cpuSeconds,
    ...figures,
  };
  const rate = Math.round(loadRate(run));
  context.say(
    `${round} ${program} ${store}: ${rows} rows, ${run.seconds.toFixed(1)} s, ${rate} rows/s, ${run.cpuSeconds.toFixed(1)} s of CPU, ${Math.round(run.peakMb)} MB`,
  );
  return run;
}

/** A project over the first rows, with an empty store. @returns its folder */
export async function createProject(
  { folder, redis, program }: LoadingContext,
  store: Store,
  rows: number,
): Promise<string> {
  const repo = join(folder, store);
  await redis.flush();
  const onlineStore =
    store === 'redis' ? { type: 'redis', connection_string: redis.address } : { type: 'sqlite', path: SQLITE_FILE };
  await createRideProject({ folder: repo, onlineStore, file: await rideFile(rows), program });
  return repo;
}

async function sqliteEntities(file: string): Promise<number> {
  const Driver = await loadSqliteDriver();
  const database = new Driver(file, { readonly: true, fileMustExist: true });
  try {
    const sql = `SELECT count(*) FROM "${RIDES_TABLE}" WHERE feature_name = 'trips'`;
    const [entities] = database.prepare(sql).raw().get() as [number];
    return entities;
  } finally {
    database.close();
  }
}
