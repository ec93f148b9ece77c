import { varintSize } from '../encoding/wire.ts';
import type { FeastPythonBehaviour } from '../stores/online-store.ts';
import { CELL, CELL_CHUNK, CELL_END, CELL_START, CELL_STATUS, type RowBlock } from '../stores/row-block.ts';
import { FieldStatus } from './field-status.ts';
import type { TablePlan } from './plan.ts';
import { ServingError } from './serving-error.ts';
import type { ServingPolicy } from './serving-policy.ts';
import { classifyStoredValue, StoredKind } from './stored-value.ts';

/** What one table contributes to an answer: its block, with a status in every cell. */
export interface JudgedBlock {
  readonly block: RowBlock;
  /** True for an entity-less view: its one row stands for every row of the request. */
  readonly constant: boolean;
  /** Size in bytes of the `values` field of each feature's vector, tags and lengths included. */
  readonly valueSizes: Float64Array;
  /** 1 per cell that shows the epoch in place of the row's event timestamp; absent where no cell does. */
  readonly atEpoch?: Uint8Array | undefined;
}

/**
 * Gives every cell of a table's block its status, by one rule for all stores and transports. A value that is not to be delivered is
 * taken out of its cell.
 *
 * @param now milliseconds since the Unix epoch, the same for the whole request
 * @throws ServingError `STORED_VALUE_CORRUPT`, `STORED_TYPE_MISMATCH`
 */
export function judgeBlock(
  plan: TablePlan,
  block: RowBlock,
  constant: boolean,
  now: number,
  policy: ServingPolicy,
  feast: FeastPythonBehaviour,
): JudgedBlock {
  const { rows, features, cells, chunks } = block;
  const valueSizes = new Float64Array(features);
  const like = policy.statuses === 'feast-python' ? feast : undefined;
  const missingTime = like?.missingFeatureTime ?? 'row';
  const atEpoch = missingTime === 'row' ? undefined : new Uint8Array(rows * features);
  const missingRow = like?.missingRow === 'PRESENT' ? FieldStatus.PRESENT : FieldStatus.NOT_FOUND;
  const missingFeature = like?.missingFeature === 'PRESENT' ? FieldStatus.PRESENT : FieldStatus.NOT_FOUND;
  const nullValue = like === undefined ? FieldStatus.NULL_VALUE : FieldStatus.PRESENT;
  const arms = policy.storedTypes === 'checked' ? plan.arms : ANY_ARM;

  let cell = 0;
  let chunkNumber = 0;
  let chunk: Uint8Array = EMPTY;
  for (let row = 0; row < rows; row++) {
    const found = block.found[row] === 1;
    const expired = found && isExpired(plan, block, row, now, policy);
    const withheld = expired && policy.ttl === 'null';
    const missingAtEpoch = atEpoch !== undefined && (missingTime === 'epoch' || !block.hasValues(row));
    for (let feature = 0; feature < features; feature++, cell += CELL) {
      const number = cells[cell + CELL_CHUNK] as number;
      if (number === 0) {
        cells[cell + CELL_STATUS] = found ? missingFeature : missingRow;
        valueSizes[feature] = (valueSizes[feature] as number) + 2;
        if (missingAtEpoch) atEpoch[cell / CELL] = 1;
        continue;
      }
      if (number !== chunkNumber) {
        chunkNumber = number;
        chunk = chunks[number - 1] ?? EMPTY;
      }
      const start = cells[cell + CELL_START] as number;
      const end = cells[cell + CELL_END] as number;
      const kind = classifyStoredValue(chunk, start, end, arms[feature] ?? 0);
      if (kind > StoredKind.expected) rejectStoredValue(plan, feature, kind);
      // A null that is too old is reported as old: nobody knows whether it still is null.
      cells[cell + CELL_STATUS] = expired
        ? FieldStatus.OUTSIDE_MAX_AGE
        : kind === StoredKind.null
          ? nullValue
          : FieldStatus.PRESENT;
      if (withheld) cells[cell + CELL_CHUNK] = 0;
      const length = withheld ? 0 : end - start;
      valueSizes[feature] = (valueSizes[feature] as number) + 1 + varintSize(length) + length;
    }
  }
  return { block, constant, valueSizes, atEpoch };
}

const EMPTY = new Uint8Array();
const ANY_ARM: readonly number[] = [];

function isExpired(plan: TablePlan, block: RowBlock, row: number, now: number, policy: ServingPolicy): boolean {
  if (plan.ttlMs === 0 || policy.ttl === 'ignore') return false;
  const { seconds, nanos } = block.timestampAt(row);
  return now - (seconds * 1000 + nanos / 1_000_000) > plan.ttlMs;
}

function rejectStoredValue(plan: TablePlan, feature: number, kind: StoredKind): never {
  const name = `${plan.label}:${plan.features[feature] ?? ''}`;
  if (kind === StoredKind.corrupt) {
    throw new ServingError('STORED_VALUE_CORRUPT', `The store holds bytes for "${name}" that are not a valid value.`, {
      hint: 'Find out what else writes to this store, then materialize the view again.',
    });
  }
  throw new ServingError(
    'STORED_TYPE_MISMATCH',
    `The store holds a value for "${name}" of another type than the registry says.`,
    {
      hint: 'The feature changed its type: materialize the view again. To serve old values as they are, set sideboard.serving.stored_types: as-stored.',
    },
  );
}
