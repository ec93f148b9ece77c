import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GetOnlineFeaturesResponseSchema } from '../../../gen/feast/serving/ServingService_pb.ts';

/**
 * In what two serialized answers differ: the first column whose values or statuses are not the same bytes. The order of columns is of no
 * meaning, because Feast's own changes from process to process.
 */
export function differenceOfAnswers(ours: Uint8Array, theirs: Uint8Array): string | undefined {
  const [left, right] = [columnsOf(ours), columnsOf(theirs)];
  const names = new Set([...left.keys(), ...right.keys()]);
  for (const name of names) {
    const [a, b] = [left.get(name), right.get(name)];
    if (a === undefined || b === undefined) return `${name} is only in ${a === undefined ? "Feast's" : 'our'} answer`;
    if (!a.equals(b))
      return `${name}: ${a.toString('hex').slice(0, 100)} instead of ${b.toString('hex').slice(0, 100)}`;
  }
  return undefined;
}

function columnsOf(bytes: Uint8Array): ReadonlyMap<string, Buffer> {
  const answer = fromBinary(GetOnlineFeaturesResponseSchema, bytes);
  const names = answer.metadata?.featureNames?.val ?? [];
  return new Map(
    answer.results.map(({ values, statuses }, index) => {
      const column = create(GetOnlineFeaturesResponseSchema, { results: [{ values, statuses }] });
      return [names[index] ?? `column ${index}`, Buffer.from(toBinary(GetOnlineFeaturesResponseSchema, column))];
    }),
  );
}
