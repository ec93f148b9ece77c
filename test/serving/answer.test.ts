import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  GetOnlineFeaturesRequestSchema,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { createEntityKeyEncoder } from '../../src/encoding/entity-key.ts';
import { encodeAnswer } from '../../src/serving/answer.ts';
import type { JudgedBlock } from '../../src/serving/judge.ts';
import type { Plan } from '../../src/serving/plan.ts';
import { parseOnlineFeaturesRequest } from '../../src/serving/request.ts';
import { encodeResponseMetadata } from '../../src/serving/response-metadata.ts';
import { fieldSize } from '../../src/serving/response-wire.ts';
import { CELL, CELL_STATUS, RowBlock } from '../../src/stores/row-block.ts';

interface Cell {
  readonly text: string | undefined;
  readonly status: number;
}

/** Builds the judged block of one table from cells that a property test made up. */
function judgedBlock(cells: readonly (readonly Cell[])[], times: readonly number[], features: number): JudgedBlock {
  const block = new RowBlock(cells.length, features);
  const valueSizes = new Float64Array(features);
  for (const [row, line] of cells.entries()) {
    block.setRow(row, times[row] ?? 0, 0);
    for (const [feature, cell] of line.entries()) {
      block.cells[(row * features + feature) * CELL + CELL_STATUS] = cell.status;
      if (cell.text === undefined) {
        valueSizes[feature] = (valueSizes[feature] ?? 0) + 2;
        continue;
      }
      const value = toBinary(ValueSchema, create(ValueSchema, { val: { case: 'stringVal', value: cell.text } }));
      // Values stand somewhere inside a larger reply, as a store delivers them.
      const reply = Buffer.concat([Buffer.from('noise'), value, Buffer.from('noise')]);
      block.setValue(row, feature, reply, 5, 5 + value.length);
      valueSizes[feature] = (valueSizes[feature] ?? 0) + fieldSize(value.length);
    }
  }
  return { block, constant: false, valueSizes };
}

function planFor(names: readonly string[]): Plan {
  return {
    generation: 1,
    asked: { service: undefined, views: [], features: 1 },
    tables: [],
    keyGroups: [{ joinKeys: [], columns: [0], encoder: createEntityKeyEncoder(['id']) }],
    derived: [],
    resources: [],
    echoedEntities: [0],
    outputs: names.map((name, feature) => ({ name, table: 0, feature })),
    metadata: encodeResponseMetadata(['id', ...names], []),
    load: { bytesPerRow: 0 },
    precomputed: undefined,
  };
}

const cell = fc.record({
  text: fc.option(fc.string({ unit: 'grapheme', maxLength: 300 }), { nil: undefined }),
  status: fc.integer({ min: 1, max: 4 }),
});

describe('the answer', () => {
  it('is what protobuf-es reads back: names, values, statuses and event timestamps of every row', () => {
    const shape = fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 5 })).chain(([rows, features]) =>
      fc.record({
        cells: fc.array(fc.array(cell, { minLength: features, maxLength: features }), {
          minLength: rows,
          maxLength: rows,
        }),
        times: fc.array(fc.integer({ min: -5_000_000_000, max: 5_000_000_000 }), { minLength: rows, maxLength: rows }),
        features: fc.constant(features),
      }),
    );
    fc.assert(
      fc.property(shape, ({ cells, times, features }) => {
        const names = Array.from({ length: features }, (_, index) => `f${index}`);
        const request = parseOnlineFeaturesRequest(
          toBinary(
            GetOnlineFeaturesRequestSchema,
            create(GetOnlineFeaturesRequestSchema, {
              entities: {
                id: { val: cells.map((_, row) => ({ val: { case: 'int64Val' as const, value: BigInt(row) } })) },
              },
            }),
          ),
        );
        const judged = [judgedBlock(cells, times, features)];
        const answer = encodeAnswer(planFor(names), request, cells.length, judged);
        // In memory that held something else, every byte of it is written anew.
        const used = { allocateAnswer: (bytes: number) => Buffer.alloc(bytes + 16, 0xee).subarray(8, 8 + bytes) };
        const again = encodeAnswer(planFor(names), request, cells.length, judged, used);
        assert.ok(Buffer.compare(again, answer) === 0);
        assert.ok([...new Uint8Array(again.buffer, again.byteOffset - 8, 8)].every((byte) => byte === 0xee));
        assert.ok([...new Uint8Array(again.buffer, again.byteOffset + again.length, 8)].every((byte) => byte === 0xee));
        const response = fromBinary(GetOnlineFeaturesResponseSchema, answer);
        assert.deepEqual(response.metadata?.featureNames?.val, ['id', ...names]);
        assert.equal(response.results.length, features + 1);
        const [ids, ...columns] = response.results;
        assert.deepEqual(
          ids?.values.map((value) => value.val.value),
          cells.map((_, row) => BigInt(row)),
        );
        for (const [feature, column] of columns.entries()) {
          assert.deepEqual(
            column.values.map((value) => value.val.value),
            cells.map((line) => line[feature]?.text),
          );
          assert.deepEqual(
            column.statuses,
            cells.map((line) => line[feature]?.status),
          );
          assert.deepEqual(
            column.eventTimestamps.map((time) => Number(time.seconds)),
            times,
          );
        }
        // One allocation of the exact size: serializing the parsed answer again gives the same bytes.
        assert.deepEqual(Buffer.from(toBinary(GetOnlineFeaturesResponseSchema, response)), Buffer.from(answer));
      }),
      { numRuns: 200 },
    );
  });

  it('repeats the one row of an entity-less view for every row asked for', () => {
    const judged = { ...judgedBlock([[{ text: 'x', status: 1 }]], [7], 1), constant: true };
    const request = parseOnlineFeaturesRequest(
      toBinary(
        GetOnlineFeaturesRequestSchema,
        create(GetOnlineFeaturesRequestSchema, { entities: { id: { val: [{}, {}, {}] } } }),
      ),
    );
    const response = fromBinary(GetOnlineFeaturesResponseSchema, encodeAnswer(planFor(['f']), request, 3, [judged]));
    assert.deepEqual(
      response.results[1]?.values.map((value) => value.val.value),
      ['x', 'x', 'x'],
    );
    assert.deepEqual(
      response.results[1]?.eventTimestamps.map((time) => time.seconds),
      [7n, 7n, 7n],
    );
  });

  it('lists the versions of views in its metadata, leaving version 0 out as protobuf does', () => {
    const metadata = encodeResponseMetadata(
      ['a'],
      [
        { name: 'plain', version: 0 },
        { name: 'acct', version: 300 },
      ],
    );
    const response = fromBinary(GetOnlineFeaturesResponseSchema, metadata);
    assert.deepEqual(
      response.metadata?.featureViewMetadata.map(({ name, version }) => [name, version]),
      [
        ['plain', 0],
        ['acct', 300],
      ],
    );
  });
});
