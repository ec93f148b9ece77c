import type { FeastPythonBehaviour } from '../stores/online-store.ts';
import type { RowBlock } from '../stores/row-block.ts';
import { FieldStatus, type JudgedBlock } from './answer.ts';
import type { TablePlan } from './plan.ts';
import { ServingError } from './serving-error.ts';
import type { ServingPolicy } from './serving-policy.ts';
import { classifyStoredValue, StoredKind } from './stored-value.ts';

/**
 * Gives every cell of a table's block its status, by one rule for all stores and transports.
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
  const { rows, features } = block;
  const statuses = new Uint8Array(rows * features);
  const delivered = new Uint8Array(rows * features);
  const like = policy.statuses === 'feast-python' ? feast : undefined;
  const hidesTime = like?.missingFeatureTime === 'epoch';
  const atEpoch = hidesTime ? new Uint8Array(rows * features) : undefined;
  const missingRow = like?.missingRow === 'PRESENT' ? FieldStatus.PRESENT : FieldStatus.NOT_FOUND;
  const missingFeature = like?.missingFeature === 'PRESENT' ? FieldStatus.PRESENT : FieldStatus.NOT_FOUND;
  const nullValue = like === undefined ? FieldStatus.NULL_VALUE : FieldStatus.PRESENT;
  const checkedTypes = policy.storedTypes === 'checked';

  for (let row = 0; row < rows; row++) {
    const found = block.found[row] === 1;
    const expired = found && isExpired(plan, block, row, now, policy);
    for (let feature = 0; feature < features; feature++) {
      const cell = row * features + feature;
      const start = block.starts[cell] ?? -1;
      const source = block.sources[cell];
      if (start < 0 || source === undefined) {
        statuses[cell] = found ? missingFeature : missingRow;
        if (atEpoch !== undefined) atEpoch[cell] = 1;
        continue;
      }
      const end = block.ends[cell] ?? start;
      const kind = classifyStoredValue(source, start, end, checkedTypes ? (plan.arms[feature] ?? 0) : 0);
      if (kind > StoredKind.expected) rejectStoredValue(plan, feature, kind);
      // A null that is too old is reported as old: nobody knows whether it still is null.
      statuses[cell] = expired
        ? FieldStatus.OUTSIDE_MAX_AGE
        : kind === StoredKind.null
          ? nullValue
          : FieldStatus.PRESENT;
      delivered[cell] = expired && policy.ttl === 'null' ? 0 : 1;
    }
  }
  return { block, constant, statuses, delivered, atEpoch };
}

function isExpired(plan: TablePlan, block: RowBlock, row: number, now: number, policy: ServingPolicy): boolean {
  if (plan.ttlMs === 0 || policy.ttl === 'ignore') return false;
  const written = (block.seconds[row] ?? 0) * 1000 + (block.nanos[row] ?? 0) / 1_000_000;
  return now - written > plan.ttlMs;
}

function rejectStoredValue(plan: TablePlan, feature: number, kind: StoredKind): never {
  const name = `${plan.label}:${plan.features[feature] ?? ''}`;
  if (kind === StoredKind.corrupt) {
    throw new ServingError('STORED_VALUE_CORRUPT', `The store holds bytes for "${name}" that are no valid value.`, {
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
