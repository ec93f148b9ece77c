import fc from 'fast-check';
import type { EventTimestamp, OnlineRow } from '../../src/stores/online-store.ts';
import { driverKey, int64Bytes } from './store-rows.ts';

export interface ShuffledRowsOptions {
  /** Nanoseconds between two times that the store tells apart. */
  readonly step: number;
  /** Rows of equal event times may differ where created times decide between them. */
  readonly createdDecides: boolean;
}

export interface ShuffledRows {
  /** What is to be stored: the newest row of every entity. */
  readonly newest: readonly OnlineRow[];
  /** All rows, each once, oldest first. */
  readonly ordered: readonly OnlineRow[];
  /** Per writer its batches: all rows, some of them several times, in any order. */
  readonly writers: readonly (readonly (readonly OnlineRow[])[])[];
}

/** Their rows have the ids from 1 on. */
export const ENTITIES = 4;
const TIMES = 9;
const START = 1_768_032_000;

/** Rows of a few entities that come late, twice and side by side. Every row brings both features, `a` and `b`. */
export function shuffledRows({ step, createdDecides }: ShuffledRowsOptions): fc.Arbitrary<ShuffledRows> {
  const moment = fc.record({
    id: fc.integer({ min: 1, max: ENTITIES }),
    time: fc.integer({ min: 0, max: TIMES - 1 }),
    created: createdDecides ? fc.integer({ min: 0, max: 2 }) : fc.constant(0),
  });
  return fc
    .uniqueArray(moment, {
      minLength: 1,
      maxLength: ENTITIES * TIMES,
      selector: ({ id, time, created }) => `${id} ${time} ${created}`,
    })
    .chain((moments) => {
      const ordered = moments.toSorted((a, b) => a.time - b.time || a.created - b.created);
      const rows = ordered.map(({ id, time, created }, version) => rowOf(id, timeAt(time, step), created, version));
      const newest = new Map(rows.map((row, at) => [ordered[at]?.id ?? 0, row]));
      const index = fc.integer({ min: 0, max: rows.length - 1 });
      const all = fc.shuffledSubarray(
        rows.map((_, at) => at),
        { minLength: rows.length },
      );
      return fc
        .record({
          order: fc.tuple(all, fc.array(index, { maxLength: 20 })).map(([first, again]) => [...first, ...again]),
          writers: fc.integer({ min: 1, max: 4 }),
          sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }),
        })
        .map(({ order, writers, sizes }) => ({
          newest: [...newest.values()],
          ordered: rows,
          writers: dealt(
            order.flatMap((at) => rows[at] ?? []),
            writers,
            sizes,
          ),
        }));
    });
}

/** Batches of these sizes in turn, to each writer in turn. */
function dealt(rows: readonly OnlineRow[], writers: number, sizes: readonly number[]): OnlineRow[][][] {
  const dealt: OnlineRow[][][] = Array.from({ length: writers }, () => []);
  let start = 0;
  for (let n = 0; start < rows.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    dealt[n % writers]?.push(rows.slice(start, start + size));
    start += size;
  }
  return dealt;
}

/** Times around the border between two seconds. */
function timeAt(at: number, step: number): EventTimestamp {
  if (step === 1e9) return { seconds: START + at, nanos: 0 };
  const nanos = 1e9 + (at - Math.floor(TIMES / 2)) * step;
  return { seconds: START + Math.floor(nanos / 1e9), nanos: nanos % 1e9 };
}

function rowOf(id: number, time: EventTimestamp, created: number, version: number): OnlineRow {
  return {
    entityKey: driverKey(id),
    values: new Map([
      ['a', int64Bytes(version)],
      ['b', int64Bytes(-version)],
    ]),
    eventTimestamp: time,
    createdTimestamp: { seconds: START + 86_400 + created, nanos: 0 },
  };
}
