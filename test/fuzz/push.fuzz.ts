import assert from 'node:assert/strict';
import { PushRequestSchema, WriteToOnlineStoreRequestSchema } from '../../gen/feast/serving/GrpcServer_pb.ts';
import { encodingErrors } from '../../src/encoding/encoding-error.ts';
import { ingestErrors } from '../../src/ingest/ingest-error.ts';
import { parsePushRequest } from '../../src/ingest/push/push-request.ts';
import { double, int64, int64List, string, timestamp } from '../support/feature-values.ts';
import { readGoldenLines } from '../support/golden.ts';
import { pushInto, pushRequest, writeRequest } from '../support/push-project.ts';
import { openFuzzProject } from './fuzz-project.ts';
import { type FuzzTarget, settledOrRefusal, valueOrRefusal } from './fuzz-target.ts';
import { decodedBy } from './protobuf-oracle.ts';

const CODES = [...Object.keys(ingestErrors), ...Object.keys(encodingErrors), 'STORE_INVALID_ROW'];
const AT = '2026-06-01T00:00:00Z';
const TOKENS = [
  'id',
  'place_id',
  'event_timestamp',
  'made_at',
  'clicks',
  'rate',
  'tags',
  'text',
  'raw',
  'more',
  'seen',
  AT,
];

/** `Push`, also against protobuf-es. */
export const push: FuzzTarget = {
  name: 'push',
  form: 'protobuf',
  tokens: [...TOKENS, 'live', 'notes', 'pairs', 'online', 'offline'],
  seeds: () => [
    pushRequest({
      streamFeatureView: 'live',
      features: { id: '1', event_timestamp: AT, clicks: '5', rate: '0.5', tags: '[1]' },
    }),
    pushRequest({
      streamFeatureView: 'live',
      typedFeatures: {
        id: int64(2),
        event_timestamp: timestamp(1_780_000_000),
        clicks: int64(5),
        rate: double(1),
        tags: int64List(1),
      },
    }),
    pushRequest({
      streamFeatureView: 'notes',
      features: { id: '3', event_timestamp: AT, made_at: AT, text: 'x', raw: 'AAE=', more: '{"a": 1}' },
    }),
    ...recorded('/GrpcFeatureServer/Push', 3),
  ],
  async check(input) {
    const request = valueOrRefusal(['INGEST_MALFORMED_REQUEST'], () => parsePushRequest(input, 'PushRequest'));
    const expected = decodedBy(PushRequestSchema, input);
    if (request !== undefined && expected !== undefined) {
      assert.deepEqual([request.name, request.to], [expected.streamFeatureView, expected.to]);
      assert.deepEqual(
        new Set(request.row.names()),
        new Set([...Object.keys(expected.features), ...Object.keys(expected.typedFeatures)]),
      );
    }
    const { store, snapshot } = await openFuzzProject();
    await settledOrRefusal(CODES, () => pushInto(store, snapshot).push(input));
  },
};

/** `WriteToOnlineStore`, the same way. */
export const writeToOnlineStore: FuzzTarget = {
  name: 'write-to-online-store',
  form: 'protobuf',
  tokens: [...TOKENS, 'counts', 'notes', 'pairs'],
  seeds: () => [
    writeRequest('counts', { id: '1', event_timestamp: AT, clicks: '5', rate: '0.5', tags: '[1,2]' }),
    writeRequest('pairs', {
      id: int64(1),
      place_id: string('a'),
      event_timestamp: timestamp(1_780_000_000),
      seen: int64(1),
    }),
    ...recorded('/GrpcFeatureServer/WriteToOnlineStore', 3),
  ],
  async check(input) {
    const request = valueOrRefusal(['INGEST_MALFORMED_REQUEST'], () =>
      parsePushRequest(input, 'WriteToOnlineStoreRequest'),
    );
    const expected = decodedBy(WriteToOnlineStoreRequestSchema, input);
    if (request !== undefined && expected !== undefined) {
      assert.equal(request.name, expected.featureViewName);
      assert.equal(request.allowRegistryCache, expected.allowRegistryCache);
    }
    const { store, snapshot } = await openFuzzProject();
    await settledOrRefusal(CODES, () => pushInto(store, snapshot).writeToOnlineStore(input));
  },
};

/** Requests that Feast's own server was asked. */
function recorded(method: string, count: number): Buffer[] {
  return readGoldenLines<{ method: string; request_hex?: string }>('grpc', 'exchanges.jsonl')
    .filter((line) => line.method === method && line.request_hex !== undefined)
    .slice(0, count)
    .map((line) => Buffer.from(line.request_hex ?? '', 'hex'));
}
