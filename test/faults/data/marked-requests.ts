import { create, toBinary } from '@bufbuild/protobuf';
import { GetOnlineFeaturesRequestSchema } from '../../../gen/feast/serving/ServingService_pb.ts';
import { ValueSchema } from '../../../gen/feast/types/Value_pb.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import { JOIN_KEY, type MarkedFeature, markedFeatures } from './marked-data.ts';

/** A request and what it asks for. Travels between processes. */
export interface MarkedRequest {
  readonly entities: readonly number[];
  /** Names of the features, in the order asked. */
  readonly features: readonly string[];
  /** A serialized `feast.serving.GetOnlineFeaturesRequest`. */
  readonly bytes: Uint8Array;
}

export function markedRequest(
  entities: readonly number[],
  features: readonly MarkedFeature[] = markedFeatures,
): MarkedRequest {
  const bytes = toBinary(
    GetOnlineFeaturesRequestSchema,
    create(GetOnlineFeaturesRequestSchema, {
      kind: { case: 'features', value: { val: features.map(({ view, name }) => `${view}:${name}`) } },
      entities: {
        [JOIN_KEY]: {
          val: entities.map((entity) => create(ValueSchema, { val: { case: 'int64Val', value: BigInt(entity) } })),
        },
      },
    }),
  );
  return { entities, features: features.map(({ name }) => name), bytes };
}

export interface RingOptions {
  readonly random: SeededRandom;
  /** Entities that are stored: 1 up to this number. */
  readonly population: number;
  /** Requests; 256 by default. */
  readonly length?: number;
  /** Entities of a request; 10 by default. */
  readonly entities?: number;
}

/** Requests for random entities, all different within one, and for all features. */
export function markedRing({ random, population, length = 256, entities = 10 }: RingOptions): readonly MarkedRequest[] {
  return Array.from({ length }, () => {
    const chosen = new Set<number>();
    while (chosen.size < entities) chosen.add(1 + random(population));
    return markedRequest([...chosen]);
  });
}
