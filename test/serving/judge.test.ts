import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { type Value, ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { type JudgedBlock, judgeBlock } from '../../src/serving/judge.ts';
import type { TablePlan } from '../../src/serving/plan.ts';
import { ServingError } from '../../src/serving/serving-error.ts';
import { defaultServingPolicy, feastPythonPolicy, type ServingPolicy } from '../../src/serving/serving-policy.ts';
import type { FeastPythonBehaviour } from '../../src/stores/online-store.ts';
import { CELL, CELL_STATUS, RowBlock } from '../../src/stores/row-block.ts';

const INT64_ARM = 4;
const HOUR = 3_600_000;
const redisLike: FeastPythonBehaviour = { missingRow: 'PRESENT', missingFeature: 'PRESENT', missingFeatureTime: 'row' };
const sqlLike: FeastPythonBehaviour = {
  missingRow: 'NOT_FOUND',
  missingFeature: 'NOT_FOUND',
  missingFeatureTime: 'epoch',
};

const plan: TablePlan = {
  table: { project: 'p', name: 'stats', joinKeys: ['id'], features: [] },
  label: 'stats',
  features: ['a', 'b', 'c'],
  arms: [INT64_ARM, INT64_ARM, INT64_ARM],
  ttlMs: HOUR,
  keyGroup: 0,
};

function bytesOf(val: Value['val']): Uint8Array {
  return toBinary(ValueSchema, create(ValueSchema, { val }));
}

/** Row 0 holds a value, a null and nothing; row 1 was never written. Written at second 1000. */
function block(first: Uint8Array = bytesOf({ case: 'int64Val', value: 1n })): RowBlock {
  const rows = new RowBlock(2, 3);
  rows.setRow(0, 1000, 0);
  rows.setValue(0, 0, first, 0, first.length);
  rows.setValue(0, 1, new Uint8Array(), 0, 0);
  return rows;
}

function statusesOf({ block: { cells } }: JudgedBlock): number[] {
  return Array.from({ length: cells.length / CELL }, (_, cell) => cells[cell * CELL + CELL_STATUS] ?? -1);
}

function statuses(policy: ServingPolicy, now = 1000_000, feast = redisLike): number[] {
  return statusesOf(judgeBlock(plan, block(), false, now, policy, feast));
}

const [PRESENT, NULL_VALUE, NOT_FOUND, OUTSIDE_MAX_AGE] = [1, 2, 3, 4];

describe('the time of a feature that is not stored', () => {
  for (const [missingFeatureTime, expected] of [
    ['row', undefined],
    ['epoch', [0, 0, 1, 1, 1, 1]],
    ['row-if-any', [0, 0, 0, 1, 1, 1]],
  ] as const) {
    it(`is that which Feast's class says: ${missingFeatureTime}`, () => {
      const rows = block();
      rows.setRow(1, 1000, 0);
      const judged = judgeBlock(
        plan,
        rows,
        false,
        1000_000,
        { ...defaultServingPolicy, ...feastPythonPolicy },
        { ...sqlLike, missingFeatureTime },
      );
      assert.deepEqual(judged.atEpoch && [...judged.atEpoch], expected);
    });
  }
});

describe('the status of a value', () => {
  it('tells a value, a stored null, a missing feature and a missing row apart', () => {
    assert.deepEqual(statuses(defaultServingPolicy), [PRESENT, NULL_VALUE, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND]);
  });

  it('is OUTSIDE_MAX_AGE once the TTL has passed, and not a millisecond earlier', () => {
    assert.equal(statuses(defaultServingPolicy, 1000_000 + HOUR)[0], PRESENT);
    assert.deepEqual(statuses(defaultServingPolicy, 1000_000 + HOUR + 1).slice(0, 3), [
      OUTSIDE_MAX_AGE,
      OUTSIDE_MAX_AGE,
      NOT_FOUND,
    ]);
  });

  it('delivers an expired value with flag, withholds it with null and hides the fact with ignore', () => {
    const judge = (ttl: ServingPolicy['ttl']) =>
      judgeBlock(plan, block(), false, 1000_000 + 2 * HOUR, { ...defaultServingPolicy, ttl }, redisLike);
    assert.ok(judge('flag').block.valueAt(0, 0));
    assert.equal(judge('null').block.valueAt(0, 0), undefined);
    assert.equal(statusesOf(judge('null'))[0], OUTSIDE_MAX_AGE);
    assert.equal(statusesOf(judge('ignore'))[0], PRESENT);
  });

  it('is not bounded by a future event timestamp', () => {
    assert.equal(statuses(defaultServingPolicy, 0)[0], PRESENT);
  });

  it("is what Feast's Python class for the store says in feast-python compatibility", () => {
    const policy = { ...defaultServingPolicy, ...feastPythonPolicy };
    assert.deepEqual(statuses(policy, 1000_000 + 2 * HOUR), [PRESENT, PRESENT, PRESENT, PRESENT, PRESENT, PRESENT]);
    const judged = judgeBlock(plan, block(), false, 0, policy, sqlLike);
    assert.deepEqual(statusesOf(judged), [PRESENT, PRESENT, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND]);
    assert.deepEqual([...(judged.atEpoch ?? [])], [0, 0, 1, 1, 1, 1]);
  });
});

describe('a stored value that cannot be right', () => {
  const judge = (bytes: Uint8Array, policy: ServingPolicy) =>
    judgeBlock(plan, block(bytes), false, 0, policy, redisLike);
  const refuses = (code: string) => (error: unknown) =>
    error instanceof ServingError && error.code === code && error.message.includes('"stats:a"');

  it('is refused by name when its type is not the one of the registry', () => {
    const text = bytesOf({ case: 'stringVal', value: 'x' });
    assert.throws(() => judge(text, defaultServingPolicy), refuses('STORED_TYPE_MISMATCH'));
    assert.equal(statusesOf(judge(text, { ...defaultServingPolicy, storedTypes: 'as-stored' }))[0], PRESENT);
  });

  it('is refused by name when its bytes are not a value, whatever the policy', () => {
    const policy = { ...defaultServingPolicy, ...feastPythonPolicy };
    for (const each of [defaultServingPolicy, policy]) {
      assert.throws(() => judge(Buffer.from('20ff', 'hex'), each), refuses('STORED_VALUE_CORRUPT'));
    }
  });
});
