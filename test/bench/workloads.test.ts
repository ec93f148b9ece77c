import assert from 'node:assert/strict';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { expectedAnswer, expectedBytes, isRightAnswer } from '../../bench/workloads/expected-answer.ts';
import { benchViews } from '../../bench/workloads/feature-data.ts';
import { registryBytes } from '../../bench/workloads/registry.ts';
import { createWorkload, requestRing, workloads } from '../../bench/workloads/workload.ts';
import {
  GetOnlineFeaturesRequestSchema,
  type GetOnlineFeaturesResponse,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import { registryFromBytes } from '../../src/registry/registry-from-bytes.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';

describe("the bench's workloads", () => {
  it('are the four sizes that reports name', () => {
    const sizes = workloads.map(({ name, features, entities }) => `${name} ${features.length} x ${entities}`);
    assert.deepEqual(sizes, ['S 3 x 1', 'B 50 x 1', 'M 50 x 10', 'L 250 x 100']);
  });

  it('read five views of fifty features of six types', () => {
    assert.deepEqual(
      benchViews.map(({ features }) => features.length),
      [50, 50, 50, 50, 50],
    );
    assert.equal(new Set(benchViews[0]?.features.map(({ type }) => type)).size, 6);
  });

  it('ask for distinct entities in a request, and for others in the next', () => {
    for (const workload of workloads) {
      const ring = requestRing(workload, 1000, 8);
      for (const { entities } of ring) assert.equal(new Set(entities).size, workload.entities);
      assert.equal(new Set(ring.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size, ring.length);
    }
  });

  it('have a feature service each, with the same features', () => {
    const snapshot = createRegistrySnapshot(registryFromBytes(registryBytes(), 'bench'), 'bench', 1);
    for (const { service, features } of workloads) {
      const projections = snapshot.services.get(service)?.projections ?? [];
      assert.deepEqual(
        projections.flatMap((each) => each.features.map(({ name }) => `${each.viewName}:${name}`)),
        features.map(({ view, name }) => `${view}:${name}`),
      );
    }
  });

  it('can be of other sizes', () => {
    const [request] = requestRing(createWorkload('10x3', 3, 10), 500, 1);
    const decoded = fromBinary(GetOnlineFeaturesRequestSchema, request?.bytes ?? new Uint8Array());
    assert.equal(decoded.entities.user_id?.val.length, 10);
  });
});

describe('isRightAnswer', () => {
  const workload = createWorkload('S', 3, 2);
  const entities = [7, 8];

  it('takes the expected answer, whatever the order of its columns', () => {
    assert.ok(isRightAnswer(workload, entities, expectedBytes(workload, entities)));
    const turned = expectedAnswer(workload, entities);
    turned.results.reverse();
    turned.metadata?.featureNames?.val.reverse();
    assert.ok(isRightAnswer(workload, entities, bytesOf(turned)));
  });

  it('notices a value of another entity, a missing column, a wrong status, and bytes that are not an answer', () => {
    assert.ok(!isRightAnswer(workload, entities, expectedBytes(workload, [7, 9])));
    const short = expectedAnswer(workload, entities);
    short.results.pop();
    assert.ok(!isRightAnswer(workload, entities, bytesOf(short)));
    const wrong = expectedAnswer(workload, entities);
    wrong.results[1]?.statuses.fill(3);
    assert.ok(!isRightAnswer(workload, entities, bytesOf(wrong)));
    assert.ok(!isRightAnswer(workload, entities, Buffer.from('no answer')));
  });
});

function bytesOf(answer: GetOnlineFeaturesResponse): Uint8Array {
  return toBinary(GetOnlineFeaturesResponseSchema, answer);
}
