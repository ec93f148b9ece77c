import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { GetOnlineFeaturesRequestSchema } from '../../gen/feast/serving/ServingService_pb.ts';
import { parseOnlineFeaturesRequest, type RequestColumn } from '../../src/serving/request.ts';
import { ServingError } from '../../src/serving/serving-error.ts';

const int64 = (value: bigint) => ({ val: { case: 'int64Val' as const, value } });

function serialized(init: Parameters<typeof create<typeof GetOnlineFeaturesRequestSchema>>[1]): Uint8Array {
  return toBinary(GetOnlineFeaturesRequestSchema, create(GetOnlineFeaturesRequestSchema, init));
}

function columnBytes(bytes: Uint8Array, column: RequestColumn | undefined): string[] {
  assert.ok(column !== undefined);
  return column.starts.map((start, row) => Buffer.from(bytes.subarray(start, column.ends[row])).toString('hex'));
}

describe('the request parser', () => {
  it('finds features, columns, flags and request data where they stand in the bytes', () => {
    const bytes = serialized({
      kind: { case: 'features', value: { val: ['v:a', 'v:b'] } },
      entities: { driver_id: { val: [int64(1001n), int64(-1n)] } },
      requestContext: { amount: { val: [int64(5n), int64(6n)] } },
      fullFeatureNames: true,
      includeFeatureViewVersionMetadata: true,
    });
    const request = parseOnlineFeaturesRequest(bytes);
    assert.deepEqual(request.selection, {
      featureService: undefined,
      references: ['v:a', 'v:b'],
      referenceCount: 2,
      fullFeatureNames: true,
      includeVersionMetadata: true,
    });
    assert.deepEqual(columnBytes(bytes, request.entities[0]), ['20e907', '20ffffffffffffffffff01']);
    assert.equal(request.entities[0]?.spliceable, true);
    assert.equal(request.requestContext[0]?.name, 'amount');
  });

  it('lets the kind that comes last on the wire win, and merges feature lists', () => {
    const list = (reference: string) => serialized({ kind: { case: 'features', value: { val: [reference] } } });
    const service = serialized({ kind: { case: 'featureService', value: 's' } });
    const parse = (...parts: Uint8Array[]) => parseOnlineFeaturesRequest(Buffer.concat(parts)).selection;
    assert.deepEqual(parse(list('v:a'), list('v:b')).references, ['v:a', 'v:b']);
    assert.equal(parse(list('v:a'), service).featureService, 's');
    assert.deepEqual(parse(list('v:a'), service).references, []);
    assert.deepEqual(parse(service, list('v:c')), { ...parse(list('v:c')), featureService: undefined });
  });

  it('counts a column that is sent twice once, with its last values', () => {
    const first = serialized({ entities: { id: { val: [int64(1n)] } } });
    const second = serialized({ entities: { id: { val: [int64(2n)] } } });
    const bytes = Buffer.concat([first, second]);
    const request = parseOnlineFeaturesRequest(bytes);
    assert.equal(request.entities.length, 1);
    assert.deepEqual(columnBytes(bytes, request.entities[0]), ['2002']);
  });

  it('does not splice a column that carries fields it does not know', () => {
    const column = Buffer.from('0a0220011805', 'hex');
    const entry = Buffer.concat([Buffer.from('0a026964', 'hex'), Buffer.from([0x12, column.length]), column]);
    const bytes = Buffer.concat([Buffer.from([0x1a, entry.length]), entry]);
    const request = parseOnlineFeaturesRequest(bytes);
    assert.equal(request.entities[0]?.spliceable, false);
    assert.deepEqual(columnBytes(bytes, request.entities[0]), ['2001']);
  });

  it('gives two requests the same plan key exactly when only their values differ', () => {
    const ask = (references: string[], columns: string[], full = false) =>
      parseOnlineFeaturesRequest(
        serialized({
          kind: { case: 'features', value: { val: references } },
          entities: Object.fromEntries(columns.map((name, index) => [name, { val: [int64(BigInt(index))] }])),
          fullFeatureNames: full,
        }),
      ).planKey;
    const same = (columns: string[], value: bigint) =>
      parseOnlineFeaturesRequest(
        serialized({
          kind: { case: 'features', value: { val: ['v:a'] } },
          entities: Object.fromEntries(columns.map((name) => [name, { val: [int64(value)] }])),
        }),
      ).planKey;
    assert.equal(same(['id'], 1n), same(['id'], 2n));
    const keys = [
      ask(['v:a'], ['id']),
      ask(['v:b'], ['id']),
      ask(['v:a', 'v:b'], ['id']),
      ask(['v:b', 'v:a'], ['id']),
      ask(['v:a'], ['id'], true),
      ask(['v:a'], ['id', 'other']),
      ask(['v:a'], ['id|5:other']),
      ask(['v:a'], []),
    ];
    assert.equal(new Set(keys).size, keys.length);
  });

  it('notes no more of a request than it may have, and counts the rest', () => {
    const bytes = serialized({
      kind: { case: 'features', value: { val: ['v:a', 'v:b', 'v:c'] } },
      entities: { id: { val: Array(100_000).fill(int64(1n)) } },
      requestContext: { amount: { val: [int64(5n), int64(6n)] } },
    });
    const { entities, requestContext, selection } = parseOnlineFeaturesRequest(bytes, {
      maxEntities: 10,
      maxFeatures: 2,
    });
    const [id, amount] = [entities[0], requestContext[0]];
    assert.deepEqual([id?.rows, id?.starts.length, id?.ends.length], [100_000, 10, 10]);
    assert.deepEqual([amount?.rows, amount?.starts.length], [2, 2]);
    assert.deepEqual([selection.referenceCount, selection.references], [3, ['v:a', 'v:b']]);
  });

  it('refuses what is malformed also behind what it notes', () => {
    const column = Buffer.from('0a020a0020010a0200', 'hex');
    const entry = Buffer.concat([Buffer.from('0a026964', 'hex'), Buffer.from([0x12, column.length]), column]);
    const bytes = Buffer.concat([Buffer.from([0x1a, entry.length]), entry]);
    assert.throws(() => parseOnlineFeaturesRequest(bytes, { maxEntities: 1, maxFeatures: 1 }), {
      code: 'MALFORMED_REQUEST',
    });
    const list = parseOnlineFeaturesRequest(Buffer.from('12050a01610a09', 'hex'), { maxEntities: 1, maxFeatures: 1 });
    assert.throws(() => list.selection, { code: 'MALFORMED_REQUEST' });
  });

  it('refuses a malformed feature list when it is decoded', () => {
    const request = parseOnlineFeaturesRequest(Buffer.from('120400000000', 'hex'));
    assert.throws(() => request.selection, { code: 'MALFORMED_REQUEST' });
  });

  it('answers any bytes with a request or MALFORMED_REQUEST, never with anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          parseOnlineFeaturesRequest(bytes).selection;
        } catch (error) {
          assert.ok(error instanceof ServingError && error.code === 'MALFORMED_REQUEST', String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
