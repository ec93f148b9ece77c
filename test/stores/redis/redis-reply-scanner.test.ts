import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { TableRead } from '../../../src/stores/online-store.ts';
import { encodeTime } from '../../../src/stores/redis/redis-layout.ts';
import { groupReads, type ReadGroup, sizeOfReads, writeReads } from '../../../src/stores/redis/redis-read-groups.ts';
import { type ExpectedReplies, RedisReplyScanner } from '../../../src/stores/redis/redis-reply-scanner.ts';
import { RowBlock } from '../../../src/stores/row-block.ts';
import { StoreError } from '../../../src/stores/store-error.ts';
import { heapAfterGc } from '../../support/heap-after-gc.ts';

/** What Redis holds for one row: an error in place of the reply, or one entry per element. */
type Row = string | readonly (Buffer | undefined)[];

class Outcome implements ExpectedReplies {
  readonly groups: readonly ReadGroup[];
  readonly refusals: [number, string][] = [];
  readonly corrupt: number[] = [];
  finished = 0;

  constructor(groups: readonly ReadGroup[]) {
    this.groups = groups;
  }

  refused(_: ReadGroup, row: number, message: string): void {
    this.refusals.push([row, message]);
  }

  corruptTime(_: TableRead, row: number): void {
    this.corrupt.push(row);
  }

  done(): void {
    this.finished++;
  }
}

function readOf(name: string, features: readonly string[], keys: readonly Uint8Array[]): TableRead {
  const table = { project: 'p', name, joinKeys: ['id'], features: [] };
  return { table, keys, features, block: new RowBlock(keys.length, features.length) };
}

function replyOf(row: Row, resp3: boolean): Buffer {
  if (typeof row === 'string') return Buffer.from(`-${row}\r\n`);
  const parts = row.map((value) =>
    value === undefined
      ? Buffer.from(resp3 ? '_\r\n' : '$-1\r\n')
      : Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')]),
  );
  return Buffer.concat([Buffer.from(`*${row.length}\r\n`), ...parts]);
}

function pushInPieces(scanner: RedisReplyScanner, bytes: Buffer, cuts: readonly number[]): void {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let start = 0;
  for (const end of [...places, bytes.length]) {
    // Each piece in memory of its own, as a socket delivers it.
    if (end > start) scanner.push(Buffer.from(bytes.subarray(start, end)));
    start = end;
  }
}

const keys = (count: number) => Array.from({ length: count }, (_, row) => Buffer.from([row, 7]));

const value = fc.option(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  { nil: undefined },
);
const time = fc.option(
  fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => encodeTime({ seconds, nanos: 0 })),
  { nil: undefined },
);

describe('the scanner of Redis replies', () => {
  it('points cells at the values, however the bytes are cut', () => {
    const rows = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.tuple(value, value, time, value, time) },
        { weight: 1, arbitrary: fc.constant('WRONGTYPE Operation against a key') },
      ),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(
        fc.array(rows, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.boolean(),
        (calls, cuts, resp3) => {
          const scanner = new RedisReplyScanner();
          const waiting = calls.map((call) => {
            const shared = keys(call.length);
            const reads = [readOf('a', ['x', 'y'], shared), readOf('b', ['z'], shared)];
            const outcome = new Outcome(groupReads(reads));
            scanner.expect(outcome);
            return { reads, outcome, call };
          });
          pushInPieces(scanner, Buffer.concat(calls.flatMap((call) => call.map((row) => replyOf(row, resp3)))), cuts);
          assert.equal(scanner.waiting, 0);
          for (const { reads, outcome, call } of waiting) {
            assert.equal(outcome.finished, 1);
            assert.deepEqual(
              outcome.refusals.map(([row]) => row),
              call.flatMap((row, index) => (typeof row === 'string' ? [index] : [])),
            );
            for (const [index, row] of call.entries()) {
              if (typeof row === 'string') continue;
              const [x, y, timeA, z, timeB] = row;
              const [a, b] = reads;
              assert.deepEqual(a?.block.valueAt(index, 0), x);
              assert.deepEqual(a?.block.valueAt(index, 1), y);
              assert.deepEqual(b?.block.valueAt(index, 0), z);
              assert.equal(a?.block.found[index], timeA !== undefined || x !== undefined || y !== undefined ? 1 : 0);
              assert.equal(b?.block.found[index], timeB !== undefined || z !== undefined ? 1 : 0);
              if (timeA !== undefined)
                assert.deepEqual(encodeTime(a?.block.timestampAt(index) ?? { seconds: 0, nanos: 0 }), timeA);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('takes a value of several megabytes in small pieces without joining them again and again', () => {
    const scanner = new RedisReplyScanner();
    const read = readOf('a', ['x'], keys(1));
    const outcome = new Outcome(groupReads([read]));
    scanner.expect(outcome);
    const large = Buffer.alloc(4_000_000, 5);
    const bytes = replyOf([large, undefined], false);
    const started = process.hrtime.bigint();
    for (let start = 0; start < bytes.length; start += 1000) scanner.push(bytes.subarray(start, start + 1000));
    assert.ok(Number(process.hrtime.bigint() - started) < 2e9, 'quadratic');
    assert.equal(outcome.finished, 1);
    assert.ok(large.equals(read.block.valueAt(0, 0) ?? Buffer.alloc(0)));
  });

  it('holds on to nothing that it has finished', async () => {
    const scanner = new RedisReplyScanner();
    const blocks: WeakRef<RowBlock>[] = [];
    for (let call = 0; call < 50; call++) {
      const read = readOf('a', ['x'], keys(1));
      blocks.push(new WeakRef(read.block));
      scanner.expect(new Outcome(groupReads([read])));
      scanner.push(replyOf([Buffer.alloc(1000), undefined], false));
    }
    // A WeakRef keeps what it refers to until the end of the turn.
    await new Promise(setImmediate);
    heapAfterGc();
    const kept = blocks.filter((block) => block.deref() !== undefined).length;
    // The scan itself may still be at the last one.
    assert.ok(kept <= 1, `${kept} of 50`);
    assert.equal(scanner.waiting, 0);
  });

  it('reports an event time that is none, and goes on', () => {
    const scanner = new RedisReplyScanner();
    const read = readOf('a', ['x'], keys(2));
    const outcome = new Outcome(groupReads([read]));
    scanner.expect(outcome);
    scanner.push(replyOf([Buffer.from('20', 'hex'), Buffer.from('zz')], false));
    scanner.push(replyOf([Buffer.from('2001', 'hex'), encodeTime({ seconds: 5, nanos: 0 })], false));
    assert.deepEqual(outcome.corrupt, [0]);
    assert.equal(outcome.finished, 1);
    assert.equal(read.block.found[1], 1);
  });

  for (const [what, bytes] of [
    ['an array of another size', '*9\r\n'],
    ['a status', '+OK\r\n'],
    ['a number', ':1\r\n'],
    ['a null array', '*-1\r\n'],
    ['an element that is an array', '*2\r\n*1\r\n'],
    ['a length with letters', '*2\r\n$1x\r\n'],
    ['a length without an end', `*2\r\n$${'1'.repeat(40)}`],
    ['a push message', '>2\r\n'],
  ] as const) {
    it(`gives the connection up on ${what}`, () => {
      const scanner = new RedisReplyScanner();
      scanner.expect(new Outcome(groupReads([readOf('a', ['x'], keys(1))])));
      assert.throws(
        () => scanner.push(Buffer.from(bytes)),
        (error) => error instanceof StoreError && error.code === 'STORE_CORRUPT',
      );
    });
  }

  it('gives the connection up on bytes that nobody asked for', () => {
    assert.throws(() => new RedisReplyScanner().push(Buffer.from('$1\r\nx\r\n')), { code: 'STORE_CORRUPT' });
  });

  it('ends or stays in step on any bytes, and never raises anything else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 5 }), (chunks) => {
        const scanner = new RedisReplyScanner();
        scanner.expect(new Outcome(groupReads([readOf('a', ['x'], keys(2))])));
        try {
          for (const chunk of chunks) scanner.push(Buffer.from(chunk));
        } catch (error) {
          assert.ok(error instanceof StoreError, String(error));
        }
      }),
    );
  });
});

describe('the commands of a read', () => {
  it('are one HMGET per key, with the fields of all tables that share it', () => {
    const shared = keys(2);
    const groups = groupReads([readOf('a', ['x'], shared), readOf('b', ['z'], shared), readOf('c', ['w'], keys(1))]);
    assert.deepEqual(
      groups.map((group) => [group.count, group.elements]),
      [
        [2, 4],
        [1, 2],
      ],
    );
    const out = Buffer.alloc(sizeOfReads(groups) + 5);
    assert.equal(writeReads(groups, out, 5), out.length);
    const text = out.toString('latin1', 5);
    assert.equal(text.split('HMGET').length, 4);
    assert.ok(text.startsWith('*6\r\n$5\r\nHMGET\r\n$3\r\n\x00\x07p\r\n$4\r\n'), JSON.stringify(text));
    assert.ok(text.endsWith('$5\r\n_ts:c\r\n'));
  });
});
