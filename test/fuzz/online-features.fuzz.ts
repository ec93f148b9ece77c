import assert from 'node:assert/strict';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  GetOnlineFeaturesRequestSchema,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import { encodingErrors } from '../../src/encoding/encoding-error.ts';
import { OnlineFeatures } from '../../src/serving/online-features.ts';
import { type OnlineFeaturesRequest, parseOnlineFeaturesRequest } from '../../src/serving/request.ts';
import { servingErrors } from '../../src/serving/serving-error.ts';
import { defaultServingPolicy } from '../../src/serving/serving-policy.ts';
import { int32, int64, nothing, string } from '../support/feature-values.ts';
import { openFuzzProject } from './fuzz-project.ts';
import { type FuzzTarget, settledOrRefusal, valueOrRefusal } from './fuzz-target.ts';
import { answeredBy, decodedBy, strictUtf8 } from './protobuf-oracle.ts';

const CODES = [...Object.keys(servingErrors), ...Object.keys(encodingErrors)];

/** `GetOnlineFeatures`: the request is taken apart as protobuf-es takes it apart, and the product answers a message or an error. */
export const onlineFeatures: FuzzTarget = {
  name: 'online-features',
  form: 'protobuf',
  tokens: [
    'counts:clicks',
    'counts:rate',
    'counts:tags',
    'notes:text',
    'pairs:seen',
    'id',
    'place_id',
    'counts@v1:clicks',
  ],
  seeds: () =>
    [
      {
        kind: features('counts:clicks', 'counts:rate', 'counts:tags'),
        entities: { id: { val: [int64(1), int64(9), int32(2)] } },
      },
      {
        kind: features('pairs:seen'),
        fullFeatureNames: true,
        entities: { id: { val: [int64(1)] }, place_id: { val: [string('a')] } },
      },
      { kind: { case: 'featureService', value: 'nope' }, entities: { id: { val: [nothing] } } },
      {
        kind: features('notes:text', 'notes:raw', 'notes:more'),
        entities: { id: { val: [int64(-1)] } },
        requestContext: { now: { val: [int64(5)] } },
        includeFeatureViewVersionMetadata: true,
      },
    ].map((init) => toBinary(GetOnlineFeaturesRequestSchema, create(GetOnlineFeaturesRequestSchema, init as Init))),
  async check(input) {
    const request = valueOrRefusal(['MALFORMED_REQUEST'], () => parseOnlineFeaturesRequest(input));
    if (request !== undefined) sameAsProtobuf(request, input);
    const { store, snapshot } = await openFuzzProject();
    const product = new OnlineFeatures({ registry: () => snapshot, store, policy: defaultServingPolicy });
    const answer = await settledOrRefusal(CODES, () => product.getOnlineFeatures(input));
    if (answer === undefined) return;
    assert.ok(request !== undefined, 'answered, though no request');
    const { metadata, results = [] } = answeredBy(GetOnlineFeaturesResponseSchema, answer) ?? {};
    if (metadata === undefined) return;
    const rows = request.entities[0]?.starts.length ?? 1;
    assert.equal(metadata.featureNames?.val.length, results.length);
    for (const { values, statuses } of results) assert.deepEqual([values.length, statuses.length], [rows, rows]);
  },
};

type Init = MessageInitShape<typeof GetOnlineFeaturesRequestSchema>;

function features(...val: string[]) {
  return { case: 'features', value: { val } } as const;
}

/** What protobuf-es reads, the product reads; it may read more, because it leaves values alone until it needs them. */
function sameAsProtobuf(request: OnlineFeaturesRequest, input: Buffer): void {
  const expected = decodedBy(GetOnlineFeaturesRequestSchema, input);
  if (expected === undefined) return;
  const { selection } = request;
  assert.equal(selection.fullFeatureNames, expected.fullFeatureNames);
  assert.equal(selection.includeVersionMetadata, expected.includeFeatureViewVersionMetadata);
  assert.equal(selection.featureService, expected.kind.case === 'featureService' ? expected.kind.value : undefined);
  assert.deepEqual(selection.references, expected.kind.case === 'features' ? expected.kind.value.val : []);
  for (const [columns, map] of [
    [request.entities, expected.entities],
    [request.requestContext, expected.requestContext],
  ] as const) {
    if (!columns.every(({ name }) => strictUtf8(name))) continue;
    assert.deepEqual(
      new Map(columns.map(({ name, starts }) => [name, starts.length])),
      new Map(Object.entries(map).map(([name, { val }]) => [name, val.length])),
    );
  }
}
