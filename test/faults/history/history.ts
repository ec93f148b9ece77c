/** What a writer and several readers did, with the times at which each step began and ended, by one clock in milliseconds. */
export interface History {
  readonly writes: readonly WriteStep[];
  readonly reads: readonly ReadStep[];
}

/** A row of a view was written in a version. */
export interface WriteStep {
  readonly entity: number;
  readonly view: string;
  readonly version: number;
  readonly beganMs: number;
  /** When the store acknowledged it; absent where it failed, and nobody knows whether it is stored. */
  readonly ackedMs?: number;
}

/** A reader saw rows of a view, or of several, in these versions. */
export interface ReadStep {
  readonly reader: number;
  readonly beganMs: number;
  readonly endedMs: number;
  readonly entities: readonly number[];
  /** By view, in the order of the entities. */
  readonly versions: Readonly<Record<string, readonly number[]>>;
}

/** What must not be in a history. */
export interface Anomalies {
  /** A read saw less than had been acknowledged before it began. */
  readonly older: readonly string[];
  /** A read saw what nobody had begun to write by its end. */
  readonly unwritten: readonly string[];
  /** A reader saw less than it had seen before. */
  readonly backwards: readonly string[];
}

/**
 * Checks a history of one writer: versions of a row only rise, and reads are of what is stored (a linearizable register per row).
 * Version 1 is there from the start.
 */
export function anomaliesOf({ writes, reads }: History): Anomalies {
  const older: string[] = [];
  const unwritten: string[] = [];
  const backwards: string[] = [];
  const writesOfRow = new Map<string, WriteStep[]>();
  for (const write of writes) {
    const key = rowKey(write.view, write.entity);
    const known = writesOfRow.get(key);
    if (known === undefined) writesOfRow.set(key, [write]);
    else known.push(write);
  }
  const lastSeen = new Map<string, number>();
  for (const read of [...reads].sort((a, b) => a.beganMs - b.beganMs)) {
    for (const [view, versions] of Object.entries(read.versions)) {
      for (const [row, entity] of read.entities.entries()) {
        const version = versions[row] ?? 0;
        const ofRow = writesOfRow.get(rowKey(view, entity)) ?? [];
        const what = `reader ${read.reader} saw version ${version} of ${view} of ${entity}`;
        const acked = newest(ofRow, ({ ackedMs }) => ackedMs !== undefined && ackedMs < read.beganMs);
        if (version < acked) older.push(`${what}, ${acked} was acknowledged before`);
        const begun = newest(ofRow, ({ beganMs }) => beganMs <= read.endedMs);
        if (version > begun) unwritten.push(`${what}, no more than ${begun} had been begun`);
        const key = `${read.reader} ${rowKey(view, entity)}`;
        const before = lastSeen.get(key) ?? 0;
        if (version < before) backwards.push(`${what}, after ${before}`);
        lastSeen.set(key, version);
      }
    }
  }
  return { older, unwritten, backwards };
}

/** Highest version of the row's writes that meet a condition; writes are in order. */
function newest(writes: readonly WriteStep[], meets: (write: WriteStep) => boolean): number {
  for (let index = writes.length - 1; index >= 0; index--) {
    const write = writes[index];
    if (write !== undefined && meets(write)) return write.version;
  }
  return 1;
}

function rowKey(view: string, entity: number): string {
  return `${view}/${entity}`;
}

/** One step per line, as JSON. */
export function historyText({ writes, reads }: History): string {
  const steps = [...writes.map((write) => ({ write })), ...reads.map((read) => ({ read }))];
  return `${steps.map((step) => JSON.stringify(step)).join('\n')}\n`;
}
