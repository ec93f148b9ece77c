import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { serializeEntityKey } from '../../src/encoding/entity-key.ts';
import { isNullValue } from '../../src/encoding/value.ts';
import { entityId } from '../../src/stores/dynamodb/dynamodb-layout.ts';
import { takeAnswer } from '../../src/stores/dynamodb/dynamodb-read-answer.ts';
import { planReads } from '../../src/stores/dynamodb/dynamodb-read-plan.ts';
import { createRowFiller } from '../../src/stores/mlforge/mlforge-rows.ts';
import { eventTime as mysqlTime } from '../../src/stores/mysql/mysql-layout.ts';
import type { TableRead } from '../../src/stores/online-store.ts';
import { bytesFromText, eventTime as postgresTime } from '../../src/stores/postgres/postgres-layout.ts';
import { RowBlock } from '../../src/stores/row-block.ts';
import { GatheredValues } from '../../src/stores/sql/gathered-values.ts';
import { createSqliteClock } from '../../src/stores/sqlite/sqlite-time.ts';
import { readGoldenLines } from '../support/golden.ts';
import { thing } from '../support/push-project.ts';
import { type FuzzTarget, valueOrRefusal } from './fuzz-target.ts';

const { INT64, STRING, INT64_LIST, MAP } = ValueType_Enum;
const KEYS = [1, 2].map((id) => serializeEntityKey(thing(id)));
const FEATURES = [
  { name: 'a', valueType: INT64 },
  { name: 'b', valueType: STRING },
  { name: 'c', valueType: INT64_LIST },
  { name: 'd', valueType: MAP },
];

function readOf(): TableRead {
  const features = FEATURES.map(({ name }) => name);
  const table = { project: 'p', name: 'v', joinKeys: ['id'], features: FEATURES };
  return { table, keys: KEYS, features, block: new RowBlock(KEYS.length, features.length) };
}

/** Every cell refers to bytes that are there. */
function checkBlock({ block }: TableRead): void {
  for (let row = 0; row < block.rows; row++) {
    for (let feature = 0; feature < block.features; feature++) {
      const [chunk = 0, start = 0, end = 0] = block.cells.subarray((row * block.features + feature) * 4);
      const source = block.chunks[chunk - 1];
      if (source === undefined) assert.equal(chunk, 0);
      else assert.ok(start >= 0 && start <= end && end <= source.length, 'a cell leaves its bytes');
    }
  }
}

/**
 * What MySQL, PostgreSQL and SQLite gather into one row: names, lengths and bytes (here with blank lines between), and the texts of
 * their times. Values are placed where they stand, or not at all.
 */
export const gatheredRow: FuzzTarget = {
  name: 'gathered-row',
  form: 'binary',
  tokens: [
    '\n\n',
    ',',
    '\0',
    'a\0b',
    '4294967296',
    '-1',
    '99999999999',
    '2026-01-10 08:00:00',
    '0000-00-00 00:00:00',
    '1768032000.123456',
    'infinity',
    '\\x',
  ],
  seeds: () =>
    [
      'a\0b\n\n2,3\n\nxxyyy',
      'c\n\n0\n\n',
      'a\0b\0c\0d\n\n1,1,1,1\n\nabcd',
      '2026-01-10 08:00:00.123456',
      '-1768032000.123456',
      '\\x2001',
    ].map((text) => Buffer.from(text)),
  check(input) {
    const [names = '', lengths = '', ...rest] = input.toString('latin1').split('\n\n');
    const bytes = Buffer.from(rest.join('\n\n'), 'latin1');
    const read = readOf();
    const values = new GatheredValues(read.features, '\0');
    const isPlaced = values.place(read.block, 0, names, lengths, bytes);
    checkBlock(read);
    const counts = lengths.split(',').map(Number);
    const isConsistent = /^\d+(,\d+)*$/.test(lengths) && counts.length === names.split('\0').length;
    if (isPlaced)
      assert.ok(
        isConsistent && counts.reduce((sum, each) => sum + each, 0) === bytes.length,
        'placed, though nothing fits',
      );
    checkTimes(input.toString('utf8'));
    bytesFromText(input.toString('latin1'));
  },
};

function checkTimes(text: string): void {
  const where = () => 'row 0';
  const number = Number(text);
  for (const read of [
    () => mysqlTime(text, where),
    () => postgresTime(text, where),
    () => createSqliteClock('UTC').eventTime(text, where),
    () => createSqliteClock('UTC').eventTime(number, where),
  ]) {
    const time = valueOrRefusal(['STORE_CORRUPT'], read);
    if (time !== undefined)
      assert.ok(Number.isInteger(time.seconds) && time.nanos >= 0 && time.nanos < 1e9, `${time.seconds} ${time.nanos}`);
  }
}

/** DynamoDB's answer to BatchGetItem. */
export const dynamodbAnswer: FuzzTarget = {
  name: 'dynamodb-answer',
  form: 'json',
  tokens: [
    '{"S":',
    '{"B":',
    '{"M":',
    '{"NULL":true}',
    'null',
    '[]',
    '{}',
    '"UnprocessedKeys":',
    '"Responses":',
    '"t":',
    '"entity_id":',
    '"event_ts":',
    '"values":',
    'IAE=',
  ],
  seeds: () => {
    const ids = KEYS.map(entityId);
    const [recorded] = readGoldenLines<{ item: { event_ts: object } }>('dynamodb', 'simple', 'items.jsonl');
    const item = (id: string | undefined, values: object) => ({
      entity_id: { S: id },
      event_ts: recorded?.item.event_ts,
      values: { M: values },
    });
    return [
      {
        Responses: { t: [item(ids[0], { a: { B: 'IAE=' }, b: { B: 'EgF4' } }), item(ids[1], {})] },
        UnprocessedKeys: {},
      },
      {
        Responses: { t: [item(ids[1], { c: { B: '' } })] },
        UnprocessedKeys: { t: { Keys: [{ entity_id: { S: ids[0] } }] } },
      },
      { Responses: { t: [{ entity_id: { S: ids[0] }, event_ts: { S: '2026-01-10 08:00:00+00:00' } }] } },
    ].map((answer) => Buffer.from(JSON.stringify(answer)));
  },
  check(input) {
    const read = readOf();
    const plans = planReads([read], () => 't');
    const wanted = new Map(plans.map((plan) => [plan, [...plan.items.keys()]]));
    const left = valueOrRefusal(['STORE_CORRUPT', 'STORE_WRONG_LAYOUT'], () => takeAnswer(input, wanted, 'DynamoDB'));
    checkBlock(read);
    for (const [plan, ids] of left ?? []) assert.ok(ids.every((id) => plan.items.has(id)));
  },
};

/** A row of mlforge's: JSON without types, typed by the registry. */
export const mlforgeRow: FuzzTarget = {
  name: 'mlforge-row',
  form: 'json',
  tokens: ['"a":', '"b":', '"c":', '"d":', 'NaN', 'Infinity', 'null', '150.0', '1e400', '[1, 2]', '{"x": 1}'],
  seeds: () => [
    ...readGoldenLines<{ value?: string }>('mlforge', 'redis.jsonl')
      .map(({ value }) => Buffer.from(value ?? '{}'))
      .filter(({ length }) => length < 300)
      .slice(0, 6),
    Buffer.from('{"a": 5, "b": "x", "c": [1, 2], "d": {"x": 1.5}}'),
    Buffer.from('{"a": null, "b": null, "c": null}'),
  ],
  check(input) {
    const read = readOf();
    valueOrRefusal(['STORE_CORRUPT', 'STORE_VALUE_MISMATCH'], () => createRowFiller(read).fill(0, input));
    checkBlock(read);
    for (let feature = 0; feature < FEATURES.length; feature++) {
      const value = read.block.valueAt(0, feature);
      if (value !== undefined) isNullValue(value);
    }
  },
};
