import { create, toBinary } from '@bufbuild/protobuf';
import { GetOnlineFeaturesRequestSchema } from '../../gen/feast/serving/ServingService_pb.ts';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { type BenchFeature, benchViews, JOIN_KEY } from './feature-data.ts';

/** What one request of a workload asks for. */
export interface Workload {
  readonly name: string;
  /** The feature service of the same features in the bench's registry. */
  readonly service: string;
  readonly features: readonly AskedFeature[];
  /** Entities of one request. */
  readonly entities: number;
}

export interface AskedFeature extends BenchFeature {
  readonly view: string;
}

/** How features are named: one by one, or by the feature service that holds them. */
export type AskBy = 'features' | 'service';

/** One request of a workload's ring. */
export interface BenchRequest {
  readonly entities: readonly number[];
  /** A serialized `feast.serving.GetOnlineFeaturesRequest`. */
  readonly bytes: Uint8Array;
}

/** Features of all views in declared order, view by view. */
const allFeatures: readonly AskedFeature[] = benchViews.flatMap(({ name: view, features }) =>
  features.map((feature) => ({ view, ...feature })),
);
/** An integer, a double and a string of the first view. */
const threeFeatures = ['profile_count_0', 'profile_score_0', 'profile_label_0'].flatMap((name) =>
  allFeatures.filter((feature) => feature.name === name),
);

export const workloads: readonly Workload[] = [
  createWorkload('S', 3, 1),
  createWorkload('B', 50, 1),
  createWorkload('M', 50, 10),
  createWorkload('L', 250, 100),
];

/** Entities of consecutive rows are this far apart; prime, so that a request names no entity twice. */
const STRIDE = 7919;

/** @param features 3, or the first so many of the 250 */
export function createWorkload(name: string, features: number, entities: number): Workload {
  const asked = features === 3 ? threeFeatures : allFeatures.slice(0, features);
  return { name, service: `bench_${name.toLowerCase()}`, features: asked, entities };
}

/**
 * Distinct requests that walk through the entities 1 to `population`.
 * @param population entities in the store; at least as many as a request names
 */
export function requestRing(
  workload: Workload,
  population: number,
  length: number,
  by: AskBy = 'features',
): readonly BenchRequest[] {
  return Array.from({ length }, (_, index) => {
    const first = index * workload.entities;
    const entities = Array.from({ length: workload.entities }, (_, row) => 1 + (((first + row) * STRIDE) % population));
    return { entities, bytes: requestBytes(workload, entities, by) };
  });
}

export function requestBytes(workload: Workload, entities: readonly number[], by: AskBy = 'features'): Uint8Array {
  const references = workload.features.map(({ view, name }) => `${view}:${name}`);
  return toBinary(
    GetOnlineFeaturesRequestSchema,
    create(GetOnlineFeaturesRequestSchema, {
      kind:
        by === 'service'
          ? { case: 'featureService', value: workload.service }
          : { case: 'features', value: { val: references } },
      entities: {
        [JOIN_KEY]: {
          val: entities.map((entity) => create(ValueSchema, { val: { case: 'int64Val', value: BigInt(entity) } })),
        },
      },
    }),
  );
}
