import { assertTimeLeft, withinLimits } from '../stores/call-limits.ts';
import { compareTimes } from '../stores/compare-times.ts';
import type { CallOptions, OnlineRow, OnlineStore, OnlineTable } from '../stores/online-store.ts';
import { asBuffer, describeTable, keysFromRows } from '../stores/row-objects.ts';
import { EntityTurns } from './entity-turns.ts';
import { IngestError } from './ingest-error.ts';
import { newestRows } from './newest-rows.ts';

export interface WriteNewestOptions extends CallOptions {
  /** Called with the number of rows that are finished since its last call: written, or left out. They add up to all rows. */
  readonly progress?: (rows: number) => void;
}

/** Longest delay of a timer; no call waits that long. */
const NO_LIMIT = 2 ** 31 - 1;

/** One for the whole process: several stores may be open on the same storage. */
const turns = new EntityTurns();

/**
 * Writes rows of one table so that no older row takes the place of a newer one, whatever order they come in. What is older among
 * `rows` themselves goes first ({@link newestRows}); what is older than what is stored is then left out
 *
 * - by the store, in one step with the write, where it declares `newestOnly`, or `keepsNewest`;
 * - otherwise here: rows are read, compared by their event time and written. Writers of this process that have an entity in common
 *   wait for one another. Another process can write in between, and then the last one wins; so can a write that was given up at its
 *   deadline and that the storage goes on with. A row as new as the stored one is written.
 *
 * Times are compared as finely as the storage keeps them. A store with `eventTimes: false` keeps none: there the newest of `rows`
 * is written over whatever is stored.
 *
 * When it resolves the rows can be read, or newer ones. It fails as `onlineWriteBatch` does, with some of the rows written.
 *
 * @throws IngestError `INGEST_STORE_READ_ONLY` for a store without `directWrite`
 * @throws StoreError `STORE_INVALID_ROW` for a key or time that cannot be stored, with nothing written
 */
export async function writeNewest(
  store: OnlineStore,
  table: OnlineTable,
  rows: readonly OnlineRow[],
  options: WriteNewestOptions = {},
): Promise<void> {
  const { capabilities } = store;
  if (!capabilities.directWrite) {
    throw new IngestError('INGEST_STORE_READ_ONLY', `The store takes no rows of ${describeTable(table)} directly.`, {
      hint: 'Write them where the store reads them from.',
    });
  }
  if (rows.length === 0) return;
  const { progress, ...call } = options;
  const ids = keysFromRows(table, rows).map((key) => asBuffer(key).toString('latin1'));
  const newest = newestRows(rows, ids);
  if (newest.length < rows.length) progress?.(rows.length - newest.length);
  const { newestOnly = false, keepsNewest, eventTimes = true } = capabilities;
  if (newestOnly) await store.onlineWriteBatch(table, newest, progress, { ...call, newestOnly });
  else if (keepsNewest || !eventTimes) await store.onlineWriteBatch(table, newest, progress, call);
  else await writeInTurn(store, table, newest, new Set(ids), options);
}

async function writeInTurn(
  store: OnlineStore,
  table: OnlineTable,
  rows: readonly OnlineRow[],
  ids: ReadonlySet<string>,
  { progress, ...call }: WriteNewestOptions,
): Promise<void> {
  const doing = `waiting for other writers of ${describeTable(table)}`;
  assertTimeLeft(call, doing);
  const place = JSON.stringify([table.project, table.name]);
  const turn = turns.take(new Set([...ids].map((id) => place + id)));
  try {
    const isLimited = call.deadline !== undefined || call.signal !== undefined;
    await (isLimited ? withinLimits(turn.come, call, NO_LIMIT, doing) : turn.come);
    const wanted = await withoutOlder(store, table, rows, call);
    if (wanted.length < rows.length) progress?.(rows.length - wanted.length);
    if (wanted.length > 0) await store.onlineWriteBatch(table, wanted, progress, call);
  } finally {
    turn.end();
  }
}

/** All features are asked for: some storage knows of a row, and of its time, only by the features that it is asked for. */
async function withoutOlder(
  store: OnlineStore,
  table: OnlineTable,
  rows: readonly OnlineRow[],
  call: CallOptions,
): Promise<readonly OnlineRow[]> {
  const entityKeys = rows.map((row) => row.entityKey);
  const stored = await store.onlineRead(table, entityKeys, undefined, call);
  return rows.filter((row, index) => {
    const time = stored[index]?.eventTimestamp;
    return time === undefined || compareTimes(row.eventTimestamp, time) >= 0;
  });
}
