import assert from 'node:assert/strict';
import type { TableRead } from '../../src/stores/online-store.ts';
import { decodeTime, encodeTime, tableOfTimeField } from '../../src/stores/redis/redis-layout.ts';
import { groupReads, type ReadGroup } from '../../src/stores/redis/redis-read-groups.ts';
import { type ExpectedReplies, RedisReplyScanner } from '../../src/stores/redis/redis-reply-scanner.ts';
import { RowBlock } from '../../src/stores/row-block.ts';
import { type FuzzTarget, valueOrRefusal } from './fuzz-target.ts';
import { piecesOf } from './pieces.ts';

const KEYS = [0, 1, 2].map((row) => Buffer.from([row, 7]));
const TIME = encodeTime({ seconds: 1_700_000_000, nanos: 5_000 });

/** Replies to the HMGETs of two views for three entities: the same however they are cut; as a plain reader reads them where they are whole. */
export const redisReplies: FuzzTarget = {
  name: 'redis-replies',
  form: 'binary',
  tokens: [
    '$-1\r\n',
    '_\r\n',
    '*5\r\n',
    '$0\r\n\r\n',
    '-WRONGTYPE x\r\n',
    '-LOADING\r\n',
    '$536870913\r\n',
    '$999999999\r\n',
    '\r\n',
    ':1\r\n',
    '>2\r\n',
    '*-1\r\n',
    TIME,
  ],
  seeds: () => {
    const row = [Buffer.from('2001', 'hex'), undefined, TIME, Buffer.from('12036f6e65', 'hex'), TIME];
    const nothing = [undefined, undefined, undefined, undefined, undefined];
    return [
      Buffer.concat([replyOf(row), replyOf(nothing), replyOf(row)]),
      Buffer.concat([replyOf(row), Buffer.from('-WRONGTYPE Operation against a key\r\n'), replyOf(nothing, '_\r\n')]),
      Buffer.concat([
        replyOf([Buffer.alloc(1_000, 1), Buffer.alloc(0), Buffer.from('zz'), undefined, TIME]),
        replyOf(row),
        replyOf(row),
      ]),
    ];
  },
  check(input) {
    const whole = readingOf([input]);
    assert.deepEqual(readingOf(piecesOf(input)), whole);
    const time = decodeTime(input);
    if (time !== undefined) assert.ok(Number.isSafeInteger(time.seconds) && time.nanos >= 0 && time.nanos < 1e9);
    tableOfTimeField(input);
    const plain = plainReading(input);
    if (plain !== undefined) assert.deepEqual(whole, plain);
  },
};

class Replies implements ExpectedReplies {
  readonly groups: readonly ReadGroup[];
  readonly log: string[] = [];

  constructor(groups: readonly ReadGroup[]) {
    this.groups = groups;
  }

  refused(_: ReadGroup, row: number, message: string): void {
    this.log.push(`refused ${row} ${message}`);
  }

  corruptTime({ table }: TableRead, row: number): void {
    this.log.push(`no time ${table.name} ${row}`);
  }

  done(): void {
    this.log.push('done');
  }
}

function reads(): TableRead[] {
  return [
    ['a', ['x', 'y']],
    ['b', ['z']],
  ].map(([name, features]) => {
    const table = { project: 'p', name: name as string, joinKeys: ['id'], features: [] };
    return {
      table,
      keys: KEYS,
      features: features as string[],
      block: new RowBlock(KEYS.length, features?.length ?? 0),
    };
  });
}

/** Refusals and values, once all is there; the end of it otherwise. */
function readingOf(chunks: Iterable<Buffer>): readonly string[] {
  const each = reads();
  const replies = new Replies(groupReads(each));
  const scanner = new RedisReplyScanner();
  scanner.expect(replies);
  const isRead = valueOrRefusal(['STORE_CORRUPT'], () => {
    for (const chunk of chunks) scanner.push(chunk);
    return true;
  });
  const isWhole = replies.log.includes('done');
  // What was left behind is not to be trusted, whatever was read before.
  if (isRead === undefined) return ['given up'];
  if (!isWhole) return ['not whole'];
  return [...replies.log, ...valuesOf(each)];
}

function valuesOf(each: readonly TableRead[]): string[] {
  return each.flatMap(({ block, features }) =>
    KEYS.flatMap((_, row) =>
      features.map((__, feature) => Buffer.from(block.valueAt(row, feature) ?? 'none').toString('hex')),
    ),
  );
}

/** The same by the simplest means, for whole replies in canonical form; nothing for all else. */
function plainReading(input: Buffer): readonly string[] | undefined {
  const text = input.toString('latin1');
  const log: string[] = [];
  const each = reads();
  let at = 0;
  for (let row = 0; row < KEYS.length; row++) {
    if (text.startsWith('-', at)) {
      const end = text.indexOf('\r\n', at);
      if (end < 0) return undefined;
      log.push(`refused ${row} ${input.toString('utf8', at + 1, end)}`);
      at = end + 2;
      continue;
    }
    if (!text.startsWith('*5\r\n', at)) return undefined;
    at += 4;
    for (let element = 0; element < 5; element++) {
      const head = /^\$(\d{1,6})\r\n/.exec(text.slice(at, at + 16));
      const isNull = text.startsWith('$-1\r\n', at) || text.startsWith('_\r\n', at);
      if (head === null && !isNull) return undefined;
      const start = at + (head?.[0].length ?? 0);
      const end = start + Number(head?.[1] ?? 0);
      const read = each[element < 3 ? 0 : 1];
      const feature = element < 3 ? element : element - 3;
      if (head !== null && (end + 2 > input.length || text.slice(end, end + 2) !== '\r\n')) return undefined;
      if (read !== undefined && head !== null) {
        if (feature < read.features.length) read.block.setValue(row, feature, input, start, end);
        else if (decodeTime(input, start, end) === undefined) log.push(`no time ${read.table.name} ${row}`);
      }
      at = head === null ? at + (text.startsWith('_', at) ? 3 : 5) : end + 2;
    }
  }
  return at === input.length ? [...log, 'done', ...valuesOf(each)] : undefined;
}

function replyOf(row: readonly (Buffer | undefined)[], none = '$-1\r\n'): Buffer {
  const parts = row.map((value) =>
    value === undefined
      ? Buffer.from(none)
      : Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')]),
  );
  return Buffer.concat([Buffer.from(`*${row.length}\r\n`), ...parts]);
}
