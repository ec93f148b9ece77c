import type { OnlineRow, OnlineTable } from '../online-store.ts';
import { asBuffer } from '../row-objects.ts';
import type { WriteBlock } from '../write-block.ts';
import { writeBlockFromRows } from '../write-block-rows.ts';

/** Rows of a batch as a block, and their places in the batch. */
export interface BatchBlock {
  readonly block: WriteBlock;
  readonly numbers: readonly number[];
}

interface BatchGroup {
  /** How many rows of their entities stand in front of these. */
  readonly turn: number;
  readonly features: readonly string[];
  readonly numbers: number[];
}

/**
 * Rows `start` to `end` of a batch as blocks to be written one after the other: rows that have the same features share a block, and of
 * several rows of one entity each stands in a later block than the one before it, so that they are stored in their order whatever
 * becomes of single commands.
 *
 * @param keys the serialized entity keys of all rows
 */
export function blocksFromRows(
  table: OnlineTable,
  rows: readonly OnlineRow[],
  keys: readonly Uint8Array[],
  start: number,
  end: number,
): BatchBlock[] {
  const turns = new Map<string, number>();
  const groups = new Map<string, BatchGroup>();
  for (let number = start; number < end; number++) {
    const key = asBuffer(keys[number] ?? new Uint8Array()).toString('latin1');
    const turn = turns.get(key) ?? 0;
    turns.set(key, turn + 1);
    const features = [...(rows[number]?.values.keys() ?? [])];
    const id = JSON.stringify([turn, features]);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, { turn, features, numbers: [number] });
    else group.numbers.push(number);
  }
  const inOrder = [...groups.values()].sort((a, b) => a.turn - b.turn);
  return inOrder.map(({ features, numbers }) => {
    const these = numbers.flatMap((number) => rows[number] ?? []);
    const theirKeys = numbers.flatMap((number) => keys[number] ?? []);
    return { block: writeBlockFromRows(table, features, these, theirKeys), numbers };
  });
}
