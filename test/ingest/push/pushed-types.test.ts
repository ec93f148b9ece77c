import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { type Value, ValueSchema, ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { extremes, oneOfEveryArm, type Sample } from '../../../src/conformance/value-samples.ts';
import { valueToJson } from '../../../src/encoding/value-json.ts';
import { valueTypes } from '../../../src/encoding/value-type.ts';
import { parsePushRequest } from '../../../src/ingest/push/push-request.ts';
import { createPushTarget } from '../../../src/ingest/push/push-target.ts';
import type { OnlineStore } from '../../../src/stores/online-store.ts';
import { onlineTableFromView } from '../../../src/stores/online-table.ts';
import { RedisOnlineStore, RedisOnlineStoreConfig } from '../../../src/stores/redis/redis-online-store.ts';
import { SqliteOnlineStore, SqliteOnlineStoreConfig } from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { bool, double, float, int32, int64, int64List, string, timestamp } from '../../support/feature-values.ts';
import { codeOf, createTables, pushInto, thing, writeRequest } from '../../support/push-project.ts';
import { pushedSnapshot } from '../../support/push-registry.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const T = ValueType_Enum;
const AT = '2026-06-01T00:00:00Z';
const samples = [...oneOfEveryArm, ...extremes];
const snapshot = pushedSnapshot([
  { name: 'every', features: Object.fromEntries(samples.map(({ name, type }) => [name, type])) },
]);
const view = snapshot.views.get('every');
assert.ok(view);
const table = onlineTableFromView(view, 'p', 0);

describe('a pushed row with a value of every type', () => {
  const folder = useTempFolder();
  let server: RedisServer;
  let store: OnlineStore;

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  afterEach(() => store?.close());

  const context = () => ({ project: 'p', repoPath: folder(), warn: () => {} });
  const stores: Readonly<Record<string, () => OnlineStore>> = {
    redis: () =>
      new RedisOnlineStore(RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${server.port}` }), context()),
    sqlite: () => new SqliteOnlineStore(SqliteOnlineStoreConfig.parse({ path: 'o.db' }), context()),
  };

  it('covers the types that features can have', () => {
    const missing = valueTypes().filter(
      ({ type, kind }) => kind !== 'null' && !samples.some((each) => each.type === type),
    );
    assert.deepEqual(missing, []);
  });

  for (const [name, open] of Object.entries(stores)) {
    it(`is stored in ${name} as it was sent typed, and the same from text`, async () => {
      store = open();
      await createTables(store, snapshot);
      const push = pushInto(store, snapshot);
      const typed = Object.fromEntries(samples.map((sample) => [sample.name, messageOf(sample)]));
      const text = Object.fromEntries(samples.map((sample) => [sample.name, textOf(sample)]));
      await push.writeToOnlineStore(writeRequest('every', { ...typed, id: int64(1), event_timestamp: string(AT) }));
      await push.writeToOnlineStore(writeRequest('every', { ...text, id: '2', event_timestamp: AT }));
      const rows = await store.onlineRead(table, [thing(1), thing(2)]);
      for (const [form, row] of [
        ['typed', rows[0]],
        ['text', rows[1]],
      ] as const) {
        for (const sample of samples) {
          assert.equal(hex(row?.values.get(sample.name)), hex(storedOf(sample)), `${sample.name} as ${form}`);
        }
      }
    });
  }
});

describe('a pushed value of another type', () => {
  const cases: readonly (readonly [keyof typeof T, Value, Value | undefined])[] = [
    ['INT64', int32(7), int64(7)],
    ['INT64', timestamp(7), int64(7)],
    ['INT64', double(5), int64(5)],
    ['INT64', string('-9223372036854775808'), int64(-(2n ** 63n))],
    ['INT64', double(2.9), undefined],
    ['INT64', double(2 ** 60), undefined],
    ['INT64', bool(true), undefined],
    ['INT64', string('many'), undefined],
    ['INT64', string('9223372036854775808'), undefined],
    ['INT32', int64(2 ** 31 - 1), int32(2 ** 31 - 1)],
    ['INT32', int64(2 ** 31), undefined],
    ['DOUBLE', int64(2n ** 53n), double(2 ** 53)],
    ['DOUBLE', int64(2n ** 53n + 1n), undefined],
    ['DOUBLE', float(0.5), double(0.5)],
    ['FLOAT', double(0.1), float(0.1)],
    ['FLOAT', double(1e300), undefined],
    ['STRING', int64(21), string('21')],
    ['STRING', double(21), undefined],
    ['STRING', bool(true), undefined],
    ['BOOL', int64(1), undefined],
    ['BYTES', string('YQ=='), undefined],
    ['UNIX_TIMESTAMP', int64(1_780_272_000), timestamp(1_780_272_000)],
    ['INT64_LIST', create(ValueSchema, { val: { case: 'int32ListVal', value: { val: [1, 2] } } }), int64List(1, 2)],
    ['INT64_LIST', int64(1), undefined],
    ['UUID', string('not one'), undefined],
    ['JSON', string('{'), undefined],
    ['MAP', string('{"a": 1}'), create(ValueSchema, { val: { case: 'mapVal', value: { val: { a: int64(1) } } } })],
  ];

  for (const [type, sent, stored] of cases) {
    const what = `${sent.val.case} ${JSON.stringify(sent.val.value, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`;
    it(`for ${type}: ${what} is ${stored === undefined ? 'refused' : 'converted exactly'}`, async () => {
      const row = { x: sent, id: int64(1), event_timestamp: string(AT) };
      if (stored === undefined) assert.equal(await codeOf(typedX(type, row)), 'INGEST_BAD_VALUE');
      else assert.equal(await typedX(type, row), hex(toBinary(ValueSchema, stored)));
    });
  }

  it('is named by view and column and never shown', async () => {
    await assert.rejects(
      typedX('INT64', { x: string('hunter2'), id: int64(1), event_timestamp: string(AT) }),
      (error: Error) =>
        /^Feature view "v", column "x": INT64 takes/.test(error.message) && !error.message.includes('hunter2'),
    );
  });
});

describe('a value of a string map', () => {
  const cases: readonly (readonly [keyof typeof T, string, Value | undefined])[] = [
    ['INT64', '9223372036854775807', int64(2n ** 63n - 1n)],
    ['INT64', ' 5 ', int64(5)],
    ['INT64', '5.0', int64(5)],
    ['INT64', '5.5', undefined],
    ['INT64', '', undefined],
    ['INT64', '1_0', undefined],
    ['INT32', '2147483648', undefined],
    ['DOUBLE', '0.5', double(0.5)],
    ['DOUBLE', '1e-7', double(1e-7)],
    ['DOUBLE', 'inf', double(Number.POSITIVE_INFINITY)],
    ['DOUBLE', '0x10', undefined],
    ['FLOAT', '0.1', float(0.1)],
    ['BOOL', 'True', bool(true)],
    ['BOOL', '0', bool(false)],
    ['BOOL', 'yes', undefined],
    ['STRING', '', string('')],
    ['STRING', 'null', string('null')],
    ['UNIX_TIMESTAMP', '5', timestamp(5)],
    ['UNIX_TIMESTAMP', '2026-06-01T02:00:00+02:00', timestamp(1_780_272_000)],
    ['INT64_LIST', '[1, 9007199254740993]', int64List(1, 9007199254740993n)],
    ['INT64_LIST', '[1, "x"]', undefined],
    ['INT64_LIST', '1,2', undefined],
    ['BYTES', 'not base64!', undefined],
  ];

  for (const [type, text, stored] of cases) {
    it(`for ${type}: ${JSON.stringify(text)} is ${stored === undefined ? 'refused' : 'taken'}`, async () => {
      const row = { x: text, id: '1', event_timestamp: AT };
      if (stored === undefined) assert.equal(await codeOf(typedX(type, row)), 'INGEST_BAD_VALUE');
      else assert.equal(await typedX(type, row), hex(toBinary(ValueSchema, stored)));
    });
  }
});

/** The value of feature `x` as it would be stored, in hexadecimal. */
async function typedX(type: keyof typeof T, row: Readonly<Record<string, Value | string>>): Promise<string> {
  const view = pushedSnapshot([{ name: 'v', features: { x: T[type] } }]).views.get('v');
  assert.ok(view);
  const target = createPushTarget(view, onlineTableFromView(view, 'p', 0));
  const request = parsePushRequest(writeRequest('v', row), 'WriteToOnlineStoreRequest');
  return hex(target.rowFrom(request.row)?.values.get('x'));
}

function messageOf({ val }: Sample): Value {
  return create(ValueSchema, { val });
}

/** As it is stored: a lone NaN is a null, as in Feast. */
function storedOf(sample: Sample): Uint8Array {
  return Number.isNaN(sample.val.value) ? new Uint8Array() : toBinary(ValueSchema, messageOf(sample));
}

/** A value as a string map has it: text as it is, everything else as JSON. */
function textOf(sample: Sample): string {
  const bytes = toBinary(ValueSchema, messageOf(sample));
  const { case: arm, value } = sample.val;
  if (typeof value === 'string') return value;
  if (arm === 'bytesVal') return Buffer.from(value).toString('base64');
  if (arm === 'scalarMapVal') return '[[5, true]]';
  if (arm === 'zonedTimestampVal') {
    return JSON.stringify({ unixTimestamp: Number(value.unixTimestamp), zone: value.zone });
  }
  if (typeof value === 'number') return valueToJson(bytes).replaceAll('"', '');
  return valueToJson(bytes);
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'nothing' : Buffer.from(bytes).toString('hex');
}
