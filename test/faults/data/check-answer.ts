import { fromBinary } from '@bufbuild/protobuf';
import { FieldStatus, GetOnlineFeaturesResponseSchema } from '../../../gen/feast/serving/ServingService_pb.ts';
import { FIRST_SECOND, JOIN_KEY, markedFeatures, markOf } from './marked-data.ts';
import type { MarkedRequest } from './marked-requests.ts';

/** What can be wrong with an answer of status OK. */
export type Wrong =
  /** Bytes that are not an answer, or not for this request's columns and rows. */
  | 'shape'
  /** A stored value that the answer does not have, or not as PRESENT. */
  | 'missing'
  /** A value of another entity or feature. */
  | 'swapped'
  /** A row of one view with values, or a time, of several versions. */
  | 'mixed'
  /** A version that was never written, or that is gone. */
  | 'version'
  /** A value that was never written. */
  | 'garbled';

export interface VersionBounds {
  readonly oldest: number;
  readonly newest: number;
}

export interface CheckedAnswer {
  /** Absent for a right answer. */
  readonly wrong?: Wrong;
  readonly detail?: string;
  /** Version of each row, by view: `versions.get('left')[row]`. */
  readonly versions: ReadonlyMap<string, readonly number[]>;
}

const featuresByName = new Map(markedFeatures.map((feature) => [feature.name, feature]));

/** Compares every value of an answer with what may be stored. Entities that are asked for all have rows. */
export function checkAnswer(
  request: Pick<MarkedRequest, 'entities' | 'features'>,
  answer: Uint8Array,
  { oldest, newest }: VersionBounds,
): CheckedAnswer {
  const versions = new Map<string, number[]>();
  const wrong = (kind: Wrong, detail: string): CheckedAnswer => ({ wrong: kind, detail, versions });
  let response: ReturnType<typeof fromBinary<typeof GetOnlineFeaturesResponseSchema>>;
  try {
    response = fromBinary(GetOnlineFeaturesResponseSchema, answer);
  } catch (error) {
    return wrong('shape', String(error));
  }
  const names = response.metadata?.featureNames?.val ?? [];
  const expected = [JOIN_KEY, ...request.features];
  if (names.join() !== expected.join() || response.results.length !== expected.length)
    return wrong('shape', `columns ${names.join()}`);
  for (const [column, vector] of response.results.entries()) {
    const name = expected[column] ?? '';
    const feature = featuresByName.get(name);
    if (vector.values.length !== request.entities.length) return wrong('shape', `${vector.values.length} rows`);
    for (const [row, entity] of request.entities.entries()) {
      const value = vector.values[row];
      const where = `${name} of ${entity}`;
      if (vector.statuses[row] !== FieldStatus.PRESENT) return wrong('missing', `${where}: ${vector.statuses[row]}`);
      if (feature === undefined) {
        if (value?.val.value !== BigInt(entity)) return wrong('swapped', `${where}: ${value?.val.value}`);
        continue;
      }
      const mark = value === undefined ? undefined : markOf(value);
      if (mark === undefined) return wrong('garbled', `${where}: ${String(value?.val.value).slice(0, 80)}`);
      if (mark.feature !== feature || mark.entity !== entity)
        return wrong('swapped', `${where}: ${mark.feature.name} of ${mark.entity}`);
      if (mark.version < oldest || mark.version > newest) return wrong('version', `${where}: ${mark.version}`);
      const seen = versions.get(feature.view) ?? [];
      versions.set(feature.view, seen);
      seen[row] ??= mark.version;
      const time = Number(vector.eventTimestamps[row]?.seconds ?? 0n) - FIRST_SECOND;
      if (seen[row] !== mark.version || time !== mark.version)
        return wrong('mixed', `${where}: ${mark.version} beside ${seen[row]}, time ${time}`);
    }
  }
  return { versions };
}
