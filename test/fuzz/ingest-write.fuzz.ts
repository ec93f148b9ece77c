import assert from 'node:assert/strict';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { WriteRequestSchema, WriteResponseSchema } from '../../gen/sideboard/v1/ingest_pb.ts';
import { encodingErrors } from '../../src/encoding/encoding-error.ts';
import { ingestErrors } from '../../src/ingest/ingest-error.ts';
import { type IngestCall, OnlineIngest } from '../../src/ingest/stream/online-ingest.ts';
import { parseWriteRequest } from '../../src/ingest/stream/write-request.ts';
import { double, int64, int64List, string } from '../support/feature-values.ts';
import { openFuzzProject } from './fuzz-project.ts';
import { type FuzzTarget, settledOrRefusal, valueOrRefusal } from './fuzz-target.ts';
import { decodedBy } from './protobuf-oracle.ts';

const CODES = [...Object.keys(ingestErrors), ...Object.keys(encodingErrors), 'STORE_INVALID_ROW'];

/** A batch of `sideboard.v1.Ingest/Write`: read as protobuf-es reads it; acknowledged with its own rows, or refused. */
export const ingestWrite: FuzzTarget = {
  name: 'ingest-write',
  form: 'protobuf',
  tokens: ['counts', 'notes', 'pairs', 'id', 'place_id', 'clicks', 'rate', 'tags', 'seen'],
  seeds: () => [
    batch({
      batchId: 7n,
      featureView: 'counts',
      columns: {
        id: { val: [int64(1), int64(2)] },
        clicks: { val: [int64(5), int64(6)] },
        rate: { val: [double(1), double(2)] },
        tags: { val: [int64List(1), int64List()] },
      },
      eventTimestamps: [{ seconds: 1_780_000_000n }, { seconds: 1_780_000_001n, nanos: 5 }],
    }),
    batch({
      batchId: 2n ** 64n - 1n,
      featureView: 'pairs',
      columns: { id: { val: [int64(1)] }, place_id: { val: [string('a')] }, seen: { val: [int64(5)] } },
      eventTimestamps: [{ seconds: 1_780_000_000n }],
      createdTimestamps: [{ seconds: 1_780_000_000n }],
    }),
  ],
  async check(input) {
    const request = valueOrRefusal(['INGEST_MALFORMED_BATCH'], () => parseWriteRequest(input));
    const expected = decodedBy(WriteRequestSchema, input);
    if (request !== undefined && expected !== undefined) {
      assert.equal(request.batchId, expected.batchId);
      assert.equal(request.featureView, expected.featureView);
      assert.equal(request.eventTimestamps.length, expected.eventTimestamps.length);
      assert.deepEqual(
        new Map([...request.columns].map(([name, { starts }]) => [name, starts.length])),
        new Map(Object.entries(expected.columns).map(([name, { val }]) => [name, val.length])),
      );
    }
    const { store, snapshot } = await openFuzzProject();
    const ingest = new OnlineIngest({
      registry: () => snapshot,
      store,
      enabled: true,
      versioned: false,
      maxBatchesInFlight: 2,
      maxPendingBytes: 1_000_000,
      batchTimeoutMs: 5_000,
    });
    const answers: Uint8Array[] = [];
    await settledOrRefusal(CODES, () => ingest.write(callOf(input, answers)));
    for (const answer of answers) {
      const { rowsWritten, rowsRefused } = fromBinary(WriteResponseSchema, answer);
      assert.ok(rowsWritten === 0n || rowsRefused === 0n, 'a batch is written whole or not at all');
    }
  },
};

function batch(init: MessageInitShape<typeof WriteRequestSchema>): Uint8Array {
  return toBinary(WriteRequestSchema, create(WriteRequestSchema, init));
}

function callOf(message: Uint8Array, answers: Uint8Array[]): IngestCall {
  return {
    messages: (async function* () {
      yield message;
    })(),
    send: async (answer) => {
      answers.push(answer);
    },
  };
}
