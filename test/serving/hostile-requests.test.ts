import assert from 'node:assert/strict';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  GetOnlineFeaturesRequestSchema,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import { SideboardError } from '../../src/errors.ts';
import { OnlineFeatures } from '../../src/serving/online-features.ts';
import { defaultServingPolicy } from '../../src/serving/serving-policy.ts';
import { openFuzzProject } from '../fuzz/fuzz-project.ts';
import { int64, string } from '../support/feature-values.ts';
import { heapAfterGc } from '../support/heap-after-gc.ts';

type Request = MessageInitShape<typeof GetOnlineFeaturesRequestSchema>;

const seen: Request = { kind: { case: 'features', value: { val: ['pairs:seen'] } } };

function bytesOf(request: Request): Buffer {
  return Buffer.from(toBinary(GetOnlineFeaturesRequestSchema, create(GetOnlineFeaturesRequestSchema, request)));
}

/** The entry of a map of columns (`field`: 3 for entities, 5 for request data) with one value. */
function column(field: number, name: string, value: Buffer): Buffer {
  const values = delimited(1, value);
  return delimited(field, Buffer.concat([delimited(1, Buffer.from(name)), delimited(2, values)]));
}

function delimited(field: number, content: Buffer): Buffer {
  return Buffer.from(new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(content).finish());
}

describe('a request that is not well meant', () => {
  let features: OnlineFeatures;

  beforeEach(async () => {
    const { snapshot, store } = await openFuzzProject();
    features = new OnlineFeatures({ registry: () => snapshot, store, policy: defaultServingPolicy });
  });

  async function codeOf(request: Uint8Array): Promise<string> {
    const answer = await features.getOnlineFeatures(request).catch((error: unknown) => error);
    if (answer instanceof SideboardError) return answer.code;
    assert.ok(answer instanceof Uint8Array, String(answer));
    fromBinary(GetOnlineFeaturesResponseSchema, answer);
    return 'OK';
  }

  it('is refused where its own values would make the answer unreadable', async () => {
    const id = column(3, 'id', Buffer.from('2001', 'hex'));
    const place = (hex: string) => Buffer.concat([bytesOf(seen), id, column(3, 'place_id', Buffer.from(hex, 'hex'))]);
    assert.equal(await codeOf(place('120161')), 'OK');
    assert.equal(await codeOf(place('1202c3a9')), 'OK');
    assert.equal(await codeOf(place('1203c3a928')), 'OK');
    // No UTF-8, alone, behind another text, and in a long one.
    assert.equal(await codeOf(place('1202c328')), 'MALFORMED_REQUEST');
    assert.equal(await codeOf(place('1202c3281202c328')), 'MALFORMED_REQUEST');
    assert.equal(await codeOf(place(`12800141${'ff'.repeat(127)}`)), 'MALFORMED_REQUEST');

    const context = (hex: string) =>
      Buffer.concat([
        bytesOf(seen),
        id,
        column(3, 'place_id', Buffer.from('120161', 'hex')),
        column(5, 'now', Buffer.from(hex, 'hex')),
      ]);
    assert.equal(await codeOf(context('2005')), 'OK');
    for (const hex of ['20', '79e91d', 'a94f', '1202c328', '8201020a05']) {
      assert.equal(await codeOf(context(hex)), 'MALFORMED_REQUEST', hex);
    }
  });

  it('takes the parts of a column that is sent in parts, as protobuf does', async () => {
    const parts = [1, 2].map((id) => delimited(2, delimited(1, Buffer.from([0x20, id]))));
    const request = Buffer.concat([
      bytesOf({ kind: { case: 'features', value: { val: ['counts:clicks'] } } }),
      delimited(3, Buffer.concat([delimited(1, Buffer.from('id')), ...parts])),
    ]);
    const answer = fromBinary(GetOnlineFeaturesResponseSchema, await features.getOnlineFeatures(request));
    assert.deepEqual(
      answer.results.map(({ values }) => values.map(({ val }) => val.value)),
      [
        [1n, 2n],
        [10n, 20n],
      ],
    );
  });

  it('of very many columns is refused before they are compared with one another', async () => {
    const many = Array.from({ length: 200_000 }, (_, n) => column(5, `c${n}`, Buffer.from('2001', 'hex')));
    assert.equal(await codeOf(Buffer.concat([bytesOf(seen), ...many])), 'TOO_MANY_FEATURES');
  });

  it('with one column again and again is refused before it is compared with all others each time', async () => {
    const others = Array.from({ length: 999 }, (_, n) => column(5, `c${n}`, Buffer.from('2001', 'hex')));
    const again = column(5, 'again', Buffer.from('2001', 'hex'));
    const request = Buffer.concat([bytesOf(seen), ...others, Buffer.alloc(again.length * 300_000, again)]);
    const start = performance.now();
    assert.equal(await codeOf(request), 'TOO_MANY_FEATURES');
    // Comparing takes some seconds.
    assert.ok(performance.now() - start < 1_000, `${performance.now() - start} ms`);
  });

  it('with a value in a million parts is judged in time that grows with its length alone', async () => {
    const part = Buffer.from('62020a00', 'hex');
    const parts = Buffer.alloc(part.length * 900_000, part);
    const entities = { id: { val: [int64(1)] }, place_id: { val: [string('a')] } };
    const request = Buffer.concat([bytesOf({ ...seen, entities }), column(5, 'context', parts)]);
    const start = performance.now();
    assert.equal(await codeOf(request), 'OK');
    // Joining the parts one by one takes more than a minute.
    assert.ok(performance.now() - start < 10_000, `${performance.now() - start} ms`);
  });

  it('with its list of features in very many parts is refused before they are noted', async () => {
    const entities = { id: { val: [int64(1)] }, place_id: { val: [string('a')] } };
    const request = bytesOf({ ...seen, entities });
    const parts = (count: number) => Buffer.concat([request, Buffer.alloc(2 * count, Buffer.from('1200', 'hex'))]);
    assert.equal(await codeOf(parts(999)), 'OK');
    assert.equal(await codeOf(parts(1_000)), 'TOO_MANY_FEATURES');
    assert.equal(await codeOf(parts(2_000_000)), 'TOO_MANY_FEATURES');
  });

  it('with a number of millions of digits is refused without reading it', async () => {
    const entities = { id: { val: [string('9'.repeat(4_000_000))] }, place_id: { val: [string('a')] } };
    const request = bytesOf({ ...seen, entities });
    const start = performance.now();
    assert.equal(await codeOf(request), 'INVALID_ENTITY_VALUE');
    assert.ok(performance.now() - start < 400, `${performance.now() - start} ms`);
  });

  it('of a million rows, or of very many features, is refused with their number before they are noted or looked up', async () => {
    const entities = { id: { val: Array(1_000_000).fill(int64(1)) } };
    const rows = bytesOf({ kind: { case: 'features', value: { val: ['counts:clicks'] } }, entities });
    await assert.rejects(features.getOnlineFeatures(rows), {
      code: 'TOO_MANY_ENTITIES',
      message: 'The request has 1000000 entity rows; the limit is 10000.',
    });
    const unknown = bytesOf({ kind: { case: 'features', value: { val: Array(100_000).fill('none:none') } } });
    await assert.rejects(features.getOnlineFeatures(unknown), {
      code: 'TOO_MANY_FEATURES',
      message: 'The request asks for 100000 features; the limit is 5000.',
    });
  });

  it('cannot fill the memory with plans: they and their keys have a bound', async () => {
    const entities = { id: { val: [int64(1)] }, place_id: { val: [string('a')] } };
    const ask = async (from: number, count: number) => {
      for (let n = from; n < from + count; n++) {
        const requestContext = { [`${n}${'x'.repeat(1_000_000)}`]: { val: [int64(1)] } };
        assert.equal(await codeOf(bytesOf({ ...seen, entities, requestContext })), 'OK');
      }
    };
    await ask(0, 1);
    const before = heapAfterGc();
    await ask(1, 120);
    // Keys count once, and once more in the plan's metadata; strings of the engine may take twice their length.
    // The collector may need a second look at what was used a moment ago.
    const more = Math.min(heapAfterGc() - before, heapAfterGc() - before);
    assert.ok(more < 70_000_000, `${more} bytes more`);
  });
});
