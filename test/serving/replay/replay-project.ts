import { type BenchView, benchViews, eventTimeOf } from '../../../bench/workloads/feature-data.ts';
import { writeProject } from '../../../bench/workloads/project.ts';
import { rowOf } from '../../../bench/workloads/rows.ts';
import { openProject } from '../../../src/cli/composition.ts';
import type { OnlineRow } from '../../../src/stores/online-store.ts';
import { onlineTablesOfSnapshot } from '../../../src/stores/online-table.ts';

/** The moment at which every recorded request is answered: some rows of `devices` are past their TTL by then. */
export const REPLAY_TIME = (eventTimeOf(0).seconds + 3600) * 1000;

const POPULATION = 12;
const LAST_EXPIRED = 5;

/** Writes the bench's project with a dozen entities, in which everything is found that can be wrong with a row. */
export async function createReplayProject(repo: string, onlineStore: Readonly<Record<string, unknown>>): Promise<void> {
  const ttl = 3600 - LAST_EXPIRED - 1;
  writeProject(repo, onlineStore, { ttlSeconds: { devices: ttl } });
  const project = await openProject({ location: { repo }, env: {}, warn: () => {} });
  try {
    const tables = onlineTablesOfSnapshot(project.registry.current(), { versioned: false });
    await project.store.update({
      tablesToKeep: tables,
      tablesToDelete: [],
      entitiesToKeep: [],
      entitiesToDelete: [],
      partial: false,
    });
    for (const view of benchViews) {
      const table = tables.find((each) => each.name === view.name);
      if (table !== undefined) await project.store.onlineWriteBatch(table, replayRows(view));
    }
  } finally {
    await project.close();
  }
}

function replayRows(view: BenchView): readonly OnlineRow[] {
  const rows: OnlineRow[] = [];
  for (let entity = 1; entity <= POPULATION; entity++) {
    const row = rowOf(view, entity);
    const values = new Map(row.values);
    if (entity === 3 && view.name === 'orders') continue;
    if (entity === 5) {
      for (const kind of ['score_0', 'embedding_0', 'label_3']) values.set(`${view.name}_${kind}`, new Uint8Array());
    }
    if (entity === 6) for (const kind of ['label_0', 'count_1']) values.delete(`${view.name}_${kind}`);
    const nanos = entity === 8 ? 123_456_000 : 0;
    rows.push({ ...row, values, eventTimestamp: { seconds: row.eventTimestamp.seconds, nanos } });
  }
  return rows;
}
