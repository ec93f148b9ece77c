import { createHash } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  FieldStatus,
  type GetOnlineFeaturesResponse,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import { type Value, ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { type BenchFeature, eventTimeOf, JOIN_KEY, valueAt } from './feature-data.ts';
import type { Workload } from './workload.ts';

/**
 * The answer that a request must get, made with the protobuf library alone: no code of the server takes part, so that it can
 * tell a wrong answer from a right one.
 */
export function expectedAnswer(workload: Workload, entities: readonly number[]): GetOnlineFeaturesResponse {
  const statuses = entities.map(() => FieldStatus.PRESENT);
  const times = entities.map((entity) => {
    const { seconds, nanos } = eventTimeOf(entity);
    return { seconds: BigInt(seconds), nanos };
  });
  return create(GetOnlineFeaturesResponseSchema, {
    metadata: { featureNames: { val: [JOIN_KEY, ...workload.features.map((feature) => feature.name)] } },
    results: [
      {
        values: entities.map((entity) => create(ValueSchema, { val: { case: 'int64Val', value: BigInt(entity) } })),
        statuses,
        eventTimestamps: entities.map(() => ({ seconds: 0n, nanos: 0 })),
      },
      ...workload.features.map((feature) => ({
        values: entities.map((entity) => messageOf(feature, valueAt(feature, entity))),
        statuses,
        eventTimestamps: times,
      })),
    ],
  });
}

export function expectedBytes(workload: Workload, entities: readonly number[]): Uint8Array {
  return toBinary(GetOnlineFeaturesResponseSchema, expectedAnswer(workload, entities));
}

/**
 * A digest that is the same for answers that say the same: names, values, statuses and event times, whatever the order of
 * the columns. (The Python server's order changes from process to process.)
 */
export function answerDigest(answer: GetOnlineFeaturesResponse): string {
  const names = answer.metadata?.featureNames?.val ?? [];
  const columns = answer.results.map((vector, index) => {
    const column = create(GetOnlineFeaturesResponseSchema, { results: [vector] });
    return `${names[index]} ${createHash('sha256').update(toBinary(GetOnlineFeaturesResponseSchema, column)).digest('hex')}`;
  });
  return createHash('sha256').update(columns.sort().join('\n')).digest('hex');
}

/** True when `bytes` are a serialized answer that says what `entities` must get. Bytes that are not an answer are wrong. */
export function isRightAnswer(workload: Workload, entities: readonly number[], bytes: Uint8Array): boolean {
  try {
    const answer = fromBinary(GetOnlineFeaturesResponseSchema, bytes);
    return answerDigest(answer) === answerDigest(expectedAnswer(workload, entities));
  } catch {
    return false;
  }
}

function messageOf({ type }: BenchFeature, value: unknown): Value {
  switch (type) {
    case ValueType_Enum.INT64:
      return create(ValueSchema, { val: { case: 'int64Val', value: value as bigint } });
    case ValueType_Enum.DOUBLE:
      return create(ValueSchema, { val: { case: 'doubleVal', value: value as number } });
    case ValueType_Enum.STRING:
      return create(ValueSchema, { val: { case: 'stringVal', value: value as string } });
    case ValueType_Enum.BOOL:
      return create(ValueSchema, { val: { case: 'boolVal', value: value as boolean } });
    case ValueType_Enum.FLOAT_LIST:
      return create(ValueSchema, { val: { case: 'floatListVal', value: { val: value as number[] } } });
    default:
      return create(ValueSchema, { val: { case: 'unixTimestampVal', value: BigInt(value as number) } });
  }
}
