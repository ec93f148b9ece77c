import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { PushRequestSchema } from '../../gen/feast/serving/GrpcServer_pb.ts';
import {
  GetOnlineFeaturesRequestSchema,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import { type Value, ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { RIDER, RIDES, RIDES_PUSH, rideFeatures, riderOf } from './ride-data.ts';

/** 2026-02-02T00:00:00Z: newer than every row of the file. */
const FIRST_PUSH = 1_769_990_400;
/** Prime, so that requests walk through the entities. */
const STRIDE = 7919;

/** Reads all features of the entity of a row. */
export function readRequest(row: number): Uint8Array {
  return toBinary(
    GetOnlineFeaturesRequestSchema,
    create(GetOnlineFeaturesRequestSchema, {
      kind: { case: 'features', value: { val: Object.keys(rideFeatures).map((name) => `${RIDES}:${name}`) } },
      entities: { [RIDER]: { val: [int64(riderOf(row))] } },
    }),
  );
}

/** What an answer to {@link readRequest} says of the first feature. */
export function tripsOf(answer: Uint8Array): bigint | undefined {
  const { metadata, results } = fromBinary(GetOnlineFeaturesResponseSchema, answer);
  const value = results[metadata?.featureNames?.val.indexOf('trips') ?? -1]?.values[0];
  return value?.val.case === 'int64Val' ? value.val.value : undefined;
}

/** The row that the n-th request is about. @param rows of the file that is loaded */
export function rowAt(n: number, rows: number): number {
  return (n * STRIDE) % rows;
}

/** The n-th push: a newer row of the entity of a row, whose `trips` is n. */
export function pushRequest(n: number, row: number, form: 'typed' | 'text'): Uint8Array {
  const seconds = FIRST_PUSH + n;
  const time = new Date(seconds * 1000).toISOString();
  const message = { streamFeatureView: RIDES_PUSH, to: 'online', allowRegistryCache: true };
  if (form === 'text') {
    const features = {
      [RIDER]: `${riderOf(row)}`,
      trips: `${n}`,
      distance_m: `${n % 100_000}`,
      rating: '4.5',
      fare: '12.75',
      score: '0.625',
      city: `city-${n % 500}`,
      segment: `segment-${n % 100_000}`,
      active: 'true',
      last_ride: time,
      joined: '2021-05-06T07:08:09Z',
      event_timestamp: time,
      created: time,
    };
    return toBinary(PushRequestSchema, create(PushRequestSchema, { ...message, features }));
  }
  const typedFeatures = {
    [RIDER]: int64(riderOf(row)),
    trips: int64(n),
    distance_m: int64(n % 100_000),
    rating: create(ValueSchema, { val: { case: 'floatVal', value: 4.5 } }),
    fare: double(12.75),
    score: double(0.625),
    city: string(`city-${n % 500}`),
    segment: string(`segment-${n % 100_000}`),
    active: create(ValueSchema, { val: { case: 'boolVal', value: true } }),
    last_ride: time64(seconds),
    joined: time64(1_620_284_889),
    event_timestamp: string(time),
    created: string(time),
  };
  return toBinary(PushRequestSchema, create(PushRequestSchema, { ...message, typedFeatures }));
}

function int64(value: number): Value {
  return create(ValueSchema, { val: { case: 'int64Val', value: BigInt(value) } });
}

/** A typed time counts nanoseconds in a push, as Feast's server takes it. */
function time64(seconds: number): Value {
  return create(ValueSchema, { val: { case: 'unixTimestampVal', value: BigInt(seconds) * 1_000_000_000n } });
}

function double(value: number): Value {
  return create(ValueSchema, { val: { case: 'doubleVal', value } });
}

function string(value: string): Value {
  return create(ValueSchema, { val: { case: 'stringVal', value } });
}
