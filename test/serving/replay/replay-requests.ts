import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { requestBytes, type Workload, workloads } from '../../../bench/workloads/workload.ts';
import { GetOnlineFeaturesRequestSchema } from '../../../gen/feast/serving/ServingService_pb.ts';

export interface ReplayRequest {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const present = [1, 2, 4, 7, 8, 9, 10, 11, 12, 1];
/** 3, 5 and 6 lack something, 40 and 2^40 do not exist, 5 comes twice. */
const troubled = [5, 1, 40, 3, 2 ** 40, 6, 8, 5];
/** Lengths of the columns' parts take two bytes from 128 rows on. */
const MANY_ROWS = 130;

/**
 * What is recorded: every workload as the bench asks for it, by its feature service, and with entities in trouble; and one
 * request of many rows.
 */
export function replayRequests(): readonly ReplayRequest[] {
  const many = Array.from({ length: MANY_ROWS }, (_, row) => 1 + (row % 12));
  const small = workloads.filter(({ name }) => name === 'S');
  const long = small.map((each) => ({ name: `S of ${MANY_ROWS} rows`, bytes: requestBytes(each, many) }));
  const forms = workloads.flatMap((workload) => {
    const few = present.slice(0, workload.entities);
    return [
      { name: `${workload.name} by features`, bytes: requestBytes(workload, few) },
      { name: `${workload.name} by service with full names`, bytes: byService(workload, few) },
      { name: `${workload.name} with entities in trouble`, bytes: requestBytes(workload, troubled) },
    ];
  });
  return [...forms, ...long];
}

function byService(workload: Workload, entities: readonly number[]): Uint8Array {
  const { entities: columns } = fromBinary(GetOnlineFeaturesRequestSchema, requestBytes(workload, entities));
  const kind = { case: 'featureService', value: workload.service } as const;
  return toBinary(
    GetOnlineFeaturesRequestSchema,
    create(GetOnlineFeaturesRequestSchema, { kind, entities: columns, fullFeatureNames: true }),
  );
}
