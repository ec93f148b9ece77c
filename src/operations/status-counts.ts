import type { JudgedBlock } from '../serving/judge.ts';
import { CELL, CELL_STATUS } from '../stores/row-block.ts';

/** Room for a count per status, by the number of the status. */
export function noStatuses(): Float64Array {
  return new Float64Array(8);
}

/**
 * Adds the statuses of one table's part of an answer to `counts`. Equal ones stand side by side as a rule: they are added up run by run.
 * @param rows of the request; the one row of an entity-less view counts for each
 */
export function countStatuses({ block, constant }: JudgedBlock, rows: number, counts: Float64Array): void {
  const { cells } = block;
  const times = constant ? rows : 1;
  const end = block.rows * block.features * CELL;
  let run = 0;
  let status = 0;
  for (let at = CELL_STATUS; at < end; at += CELL) {
    const next = cells[at] as number;
    if (next === status) {
      run++;
      continue;
    }
    (counts[status] as number) += run * times;
    status = next;
    run = 1;
  }
  (counts[status] as number) += run * times;
}
