import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { PrecomputedFeatureVectorSchema } from '../../gen/feast/core/PrecomputedFeatureVector_pb.ts';
import { ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { decodeValue } from '../encoding/value.ts';
import type { OnlineTable } from '../stores/online-store.ts';
import { CELL, CELL_STATUS, RowBlock } from '../stores/row-block.ts';
import { FieldStatus } from './field-status.ts';
import type { JudgedBlock } from './judge.ts';
import type { Plan } from './plan.ts';
import { fieldSize } from './response-wire.ts';
import { ServingError } from './serving-error.ts';
import { classifyStoredValue, StoredKind } from './stored-value.ts';
import type { ReadTables } from './table-reader.ts';

const VECTOR = 'vector';

/** Where Feast keeps the pre-computed vectors of a feature service with `precompute_online`. */
export function precomputedTable(project: string, service: string): OnlineTable {
  return {
    project,
    name: `__precomputed__${service}`,
    joinKeys: [],
    features: [{ name: VECTOR, valueType: ValueType_Enum.BYTES }],
  };
}

/**
 * Answers from pre-computed vectors as Feast's Python server does in full-name mode: values are those of the time of the
 * computation, their event timestamp is that time, and a view that was older than its TTL shows OUTSIDE_MAX_AGE.
 *
 * @returns nothing where a vector is missing or lacks a feature: then the views are read instead
 */
export async function readPrecomputed(
  read: ReadTables,
  plan: Plan,
  table: OnlineTable,
  keys: readonly Uint8Array[],
  now: number,
): Promise<readonly JudgedBlock[] | undefined> {
  const vectors = new RowBlock(keys.length, 1);
  await read([{ table, keys, features: [VECTOR], block: vectors }]);
  const judged = plan.tables.map((part): JudgedBlock => {
    const block = new RowBlock(keys.length, part.features.length);
    return { block, constant: false, valueSizes: new Float64Array(part.features.length) };
  });
  for (let row = 0; row < keys.length; row++) {
    const stored = vectors.valueAt(row, 0);
    if (stored === undefined || stored.length === 0) return undefined;
    if (!spreadVector(vectorFrom(stored, table.name), table.name, plan, judged, row, now)) return undefined;
  }
  return judged;
}

type Vector = ReturnType<typeof vectorFrom>;

function vectorFrom(stored: Uint8Array, name: string) {
  try {
    const value = decodeValue(stored);
    if (value instanceof Uint8Array) return fromBinary(PrecomputedFeatureVectorSchema, value);
  } catch (cause) {
    throw corrupt(`bytes for "${name}" that are not a feature vector`, cause);
  }
  throw corrupt(`a value for "${name}" that is not a feature vector`);
}

function corrupt(what: string, cause?: unknown): ServingError {
  return new ServingError('STORED_VALUE_CORRUPT', `The store holds ${what}.`, cause === undefined ? {} : { cause });
}

function spreadVector(
  vector: Vector,
  name: string,
  plan: Plan,
  judged: readonly JudgedBlock[],
  row: number,
  now: number,
): boolean {
  const written = new Map(
    vector.fvTimestamps.map((entry) => [entry.featureViewName, millisecondsOf(entry.eventTimestamp)] as const),
  );
  const { seconds: wholeSeconds = 0n, nanos = 0 } = vector.precomputedAt ?? {};
  const seconds = Number(wholeSeconds);
  // Others take more room in an answer than a time has there.
  if (!Number.isSafeInteger(seconds) || nanos < 0 || nanos > 999_999_999)
    throw corrupt(`a feature vector for "${name}" whose time is not one`);
  for (const output of plan.outputs) {
    const part = plan.tables[output.table];
    const target = judged[output.table];
    const value = vector.values[vector.featureNames.indexOf(output.name)];
    if (part === undefined || target === undefined || value === undefined) return false;
    const bytes = toBinary(ValueSchema, value);
    if (classifyStoredValue(bytes, 0, bytes.length, 0) === StoredKind.corrupt)
      throw corrupt(`a feature vector for "${name}" with bytes for "${output.name}" that are not a value`);
    target.block.setRow(row, seconds, nanos);
    target.block.setValue(row, output.feature, bytes, 0, bytes.length);
    const expired = part.ttlMs > 0 && now - (written.get(part.label) ?? 0) > part.ttlMs;
    target.block.cells[(row * part.features.length + output.feature) * CELL + CELL_STATUS] = expired
      ? FieldStatus.OUTSIDE_MAX_AGE
      : FieldStatus.PRESENT;
    target.valueSizes[output.feature] = (target.valueSizes[output.feature] ?? 0) + fieldSize(bytes.length);
  }
  return true;
}

function millisecondsOf(timestamp: { seconds: bigint; nanos: number } | undefined): number {
  return timestamp === undefined ? 0 : Number(timestamp.seconds) * 1000 + timestamp.nanos / 1e6;
}
