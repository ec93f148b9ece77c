import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { decodeValue } from '../../src/encoding/value.ts';
import { IngestError } from '../../src/ingest/ingest-error.ts';
import { recordsFromText } from '../../src/ingest/read-rows.ts';
import { type RowFormat, type RowRecord, rowFormatFromName } from '../../src/ingest/record.ts';
import { createRowTyper, type RowTypingOptions } from '../../src/ingest/row-from-record.ts';
import type { FeatureViewSpec } from '../../src/registry/registry-snapshot.ts';

const OPTIONS: RowTypingOptions = { timestampField: 'event_timestamp', missingFeatures: 'refuse' };
const TIME = '2026-01-10T08:00:00Z';

describe('rowFormatFromName', () => {
  it('knows the usual endings and no others', () => {
    assert.equal(rowFormatFromName('a.csv'), 'csv');
    assert.equal(rowFormatFromName('dir.csv/rows.JSONL'), 'jsonl');
    assert.equal(rowFormatFromName('rows.ndjson'), 'jsonl');
    for (const name of ['-', 'rows', 'rows.json', 'rows.csv.gz']) assert.equal(rowFormatFromName(name), undefined);
  });
});

describe('JSON lines', () => {
  it('give a record per line, with its number, whatever the pieces they arrive in', async () => {
    const text = '{"id": 1}\r\n\n  \n{"id": 9007199254740993}\n{"name": "a\u2028b ä"}';
    for (const size of [1, 3, 1000]) {
      const records = await recordsOf(text, 'jsonl', size);
      assert.deepEqual(
        records.map(({ line, fields }) => [line, Object.fromEntries(fields)]),
        [
          [1, { id: 1n }],
          [4, { id: 9007199254740993n }],
          [5, { name: 'a\u2028b ä' }],
        ],
      );
    }
  });

  for (const [name, text, message] of [
    ['a line that is not JSON', '{"a":1}\n{"a":}\n', /^Line 2: .*character 5/],
    ['a line that is not an object', '[{"a":1}]\n', /^Line 1 is not a JSON object/],
    ['bytes that are not UTF-8', Buffer.from('{"a":1}\n{"a":"\xff"}\n', 'latin1'), /^Line 2 is not UTF-8/],
  ] as const) {
    it(`refuse ${name}, naming the line`, async () => {
      await assert.rejects(recordsOf(text, 'jsonl'), refusal('INGEST_BAD_SYNTAX', message));
    });
  }
});

describe('CSV', () => {
  it('gives a record per row under the names of the header, with the line on which the row starts', async () => {
    const text = '\ufeffid, name \r\n1,"two\r\nlines"\r\n\r\n3,""\r\n4,\r\n';
    for (const size of [1, 5, 1000]) {
      const records = await recordsOf(text, 'csv', size);
      assert.deepEqual(
        records.map(({ line, fields }) => [line, Object.fromEntries(fields)]),
        [
          [2, { id: '1', name: 'two\r\nlines' }],
          [5, { id: '3', name: '' }],
          [6, { id: '4', name: null }],
        ],
      );
    }
  });

  for (const [name, text, message] of [
    ['a row that is too short', 'a,b\n1,2\n3\n', /^Line 3 has more or fewer fields/],
    ['a quote that is never closed', 'a,b\n1,"2\n3,4\n', /inside a quote that is never closed/],
    ['text behind a closing quote', 'a,b\n1,"2"x\n', /^Line 2 has text behind a closing quote/],
    ['a column that is named twice', 'a,a\n', /^Line 1, the header, names the column "a" twice/],
    ['a column without a name', 'a,\n', /^Line 1, the header, has no name for column 2/],
    ['bytes that are not UTF-8', Buffer.from('a\n\xff\n', 'latin1'), /not UTF-8/],
  ] as const) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(recordsOf(text, 'csv'), refusal('INGEST_BAD_SYNTAX', message));
    });
  }

  it('takes plain lines and others alike, whichever come first', async () => {
    const plain = fc.stringMatching(/^[a-z0-9 ]{0,4}$/);
    const quoted = fc
      .string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ') })
      .map((text) => ({ quoted: text }));
    const field = fc.oneof({ weight: 8, arbitrary: plain }, { weight: 1, arbitrary: quoted });
    const rows = fc.array(fc.tuple(field, field, field), { maxLength: 20 });
    const ends = fc.constantFrom('\n', '\r\n');
    await fc.assert(
      fc.asyncProperty(rows, ends, fc.constantFrom(1, 7, 1000), fc.boolean(), async (all, end, size, isEnded) => {
        const written = all.map((row) =>
          row.map((each) => (typeof each === 'string' ? each : `"${each.quoted.replaceAll('"', '""')}"`)).join(','),
        );
        const text = ['a,b,c', ...written].join(end) + (isEnded ? end : '');
        const records = await recordsOf(text, 'csv', size);
        const expected = all.map((row) =>
          row.map((each) => (typeof each === 'string' ? (each === '' ? null : each) : each.quoted)),
        );
        assert.deepEqual(
          records.map(({ fields }) => [...fields.values()]),
          expected,
        );
        let line = 2;
        for (const [index, record] of records.entries()) {
          if (end === '\n') assert.equal(record.line, line);
          line += (written[index]?.match(/\n/g)?.length ?? 0) + 1;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('names the line of a mistake behind plain lines', async () => {
    for (const [text, message] of [
      ['a,b\n1,2\n\n3,4\n5\n', /^Line 5 has more or fewer fields/],
      ['a,b\n1,2\n3,"4"x\n', /^Line 3 has text behind a closing quote/],
      ['a,b\n1,2\n3,4"x\n', /^Line 3 has a quote inside a field/],
    ] as const) {
      await assert.rejects(recordsOf(text, 'csv'), refusal('INGEST_BAD_SYNTAX', message));
    }
  });

  it('gives nothing for an empty file', async () => {
    assert.deepEqual(await recordsOf('', 'csv'), []);
  });
});

describe('a row of a view', () => {
  const view = viewOf({
    whole: ValueType_Enum.INT64,
    small: ValueType_Enum.INT32,
    real: ValueType_Enum.DOUBLE,
    flag: ValueType_Enum.BOOL,
    text: ValueType_Enum.STRING,
    bytes: ValueType_Enum.BYTES,
    time: ValueType_Enum.UNIX_TIMESTAMP,
    list: ValueType_Enum.INT64_LIST,
    map: ValueType_Enum.MAP,
  });

  it('has the types of the registry, from JSON and from CSV alike', async () => {
    const json =
      '{"id": 9007199254740993, "whole": -9223372036854775808, "small": 7, "real": 1, "flag": true, "text": "5", ' +
      `"bytes": "AP8=", "time": "2026-01-10T08:00:00+01:00", "list": [1, 2], "map": {"a": 1}, "event_timestamp": "${TIME}"}`;
    const csv =
      'id,whole,small,real,flag,text,bytes,time,list,map,event_timestamp\n' +
      `9007199254740993,-9223372036854775808,7.0,1e0,True,5,AP8=,1768028400,"[1, 2]","{""a"": 1}",${TIME}\n`;
    for (const [format, text] of [
      ['jsonl', json],
      ['csv', csv],
    ] as const) {
      const [row] = await rowsOf(text, format, view);
      assert.deepEqual(row?.entityKey.joinKeys, ['id']);
      assert.equal(row?.entityKey.entityValues[0]?.val.value, 9007199254740993n);
      assert.deepEqual(row?.eventTimestamp, { seconds: 1768032000, nanos: 0 });
      const values = [...(row?.values ?? [])].map(([name, bytes]) => [name, decodeValue(bytes)]);
      assert.deepEqual(Object.fromEntries(values), {
        whole: -9223372036854775808n,
        small: 7,
        real: 1,
        flag: true,
        text: '5',
        bytes: new Uint8Array([0, 255]),
        time: 1768028400n,
        list: [1n, 2n],
        map: new Map([['a', 1n]]),
      });
    }
  });

  it('stores null for null, for an empty CSV field and for a lone NaN', async () => {
    const real = viewOf({ real: ValueType_Enum.DOUBLE });
    for (const [format, text] of [
      ['jsonl', `{"id": 1, "real": null, "event_timestamp": "${TIME}"}`],
      ['csv', `id,real,event_timestamp\n1,,${TIME}`],
      ['csv', `id,real,event_timestamp\n1,nan,${TIME}`],
    ] as const) {
      const [row] = await rowsOf(text, format, real);
      assert.equal(row?.values.get('real')?.length, 0);
    }
  });

  it('keeps nanoseconds, takes times without a zone as UTC, and numbers in the unit that is said', async () => {
    const bare = viewOf({});
    const [row] = await rowsOf('{"id": 1, "event_timestamp": "2026-01-10 08:00:00.123456789"}', 'jsonl', bare);
    assert.deepEqual(row?.eventTimestamp, { seconds: 1768032000, nanos: 123456789 });
    const [millis] = await rowsOf('id,at\n1,1768032000500', 'csv', bare, {
      timestampField: 'at',
      timestampUnit: 'ms',
    });
    assert.deepEqual(millis?.eventTimestamp, { seconds: 1768032000, nanos: 500_000_000 });
  });

  it('has a created time where a column is named for it', async () => {
    const [row] = await rowsOf(`{"id": 1, "event_timestamp": "${TIME}", "made": "1970-01-02"}`, 'jsonl', viewOf({}), {
      createdField: 'made',
    });
    assert.deepEqual(row?.createdTimestamp, { seconds: 86_400, nanos: 0 });
  });

  it('stands under the one key of entity-less views where the view has no entity', async () => {
    const view = { ...viewOf({}), joinKeys: [{ name: '__dummy_id', entity: '__dummy', valueType: 2 }] };
    const [row] = await rowsOf(`{"event_timestamp": "${TIME}"}`, 'jsonl', view as FeatureViewSpec);
    assert.deepEqual(row?.entityKey.joinKeys, ['__dummy_id']);
    assert.equal(row?.entityKey.entityValues[0]?.val.value, '');
  });

  it('may lack features only where that is asked for, and then stores nulls', async () => {
    const text = `{"id": 1, "event_timestamp": "${TIME}"}`;
    const real = viewOf({ real: ValueType_Enum.DOUBLE });
    await assert.rejects(rowsOf(text, 'jsonl', real), refusal('INGEST_MISSING_COLUMN', /Line 1 has no feature "real"/));
    const [row] = await rowsOf(text, 'jsonl', real, { missingFeatures: 'null' });
    assert.equal(row?.values.get('real')?.length, 0);
  });

  it('tells once of each column that the view does not have', async () => {
    const told: string[] = [];
    const text = `{"id": 1, "x": 1, "event_timestamp": "${TIME}"}\n{"id": 2, "x": 1, "y": 1, "event_timestamp": "${TIME}"}`;
    await rowsOf(text, 'jsonl', viewOf({}), { onExtraColumns: (names) => told.push(...names) });
    assert.deepEqual(told, ['x', 'y']);
  });

  for (const [name, row, code, message] of [
    ['no join key', '{"event_timestamp": "2026-01-10"}', 'INGEST_MISSING_COLUMN', /Line 1 has no join key "id"/],
    ['a null join key', '{"id": null, "event_timestamp": "2026-01-10"}', 'INGEST_BAD_VALUE', /"id": a join key cannot/],
    ['a mistyped join key', '{"id": "x", "event_timestamp": "2026-01-10"}', 'INGEST_BAD_VALUE', /"id": INT64 takes/],
    [
      'a join key that is not a whole number',
      '{"id": 1.5, "event_timestamp": "2026-01-10"}',
      'INGEST_BAD_VALUE',
      /"id"/,
    ],
    ['no timestamp', '{"id": 1}', 'INGEST_MISSING_COLUMN', /no timestamp "event_timestamp"/],
    ['a null timestamp', '{"id": 1, "event_timestamp": null}', 'INGEST_BAD_TIMESTAMP', /it is null/],
    ['a timestamp that is none', '{"id": 1, "event_timestamp": "soon"}', 'INGEST_BAD_TIMESTAMP', /invalid/],
    [
      'a timestamp of unknown unit',
      '{"id": 1, "event_timestamp": 1768032000}',
      'INGEST_BAD_TIMESTAMP',
      /what the number/,
    ],
    ['digits as a timestamp', '{"id": 1, "event_timestamp": "1768032000"}', 'INGEST_BAD_TIMESTAMP', /what the number/],
  ] as const) {
    it(`is refused for ${name}, naming line and column`, async () => {
      await assert.rejects(rowsOf(row, 'jsonl', viewOf({})), refusal(code, message));
    });
  }

  it('is refused for a value of the wrong type without showing the value', async () => {
    for (const [type, text] of [
      [ValueType_Enum.INT64, 'secret'],
      [ValueType_Enum.INT32, '2147483648'],
      [ValueType_Enum.DOUBLE, 'secret'],
      [ValueType_Enum.BOOL, 'secret'],
      [ValueType_Enum.UUID, 'secret'],
      [ValueType_Enum.INT64_LIST, '["secret"]'],
    ] as const) {
      const csv = `id,f,event_timestamp\n1,"${text.replaceAll('"', '""')}",${TIME}\n`;
      await assert.rejects(rowsOf(csv, 'csv', viewOf({ f: type })), (error) => {
        assert.ok(error instanceof IngestError && error.code === 'INGEST_BAD_VALUE');
        assert.match(error.message, /^Line 2, column "f": /);
        assert.doesNotMatch(error.describe(), /secret|2147483648/);
        return true;
      });
    }
  });
});

function viewOf(features: Readonly<Record<string, ValueType_Enum>>): FeatureViewSpec {
  return {
    kind: 'feature_view',
    name: 'v',
    description: '',
    owner: '',
    tags: {},
    entities: ['thing'],
    joinKeys: [{ name: 'id', entity: 'thing', valueType: ValueType_Enum.INT64 }],
    features: Object.entries(features).map(([name, valueType]) => ({ name, valueType, description: '', tags: {} })),
    ttlSeconds: 0,
    online: true,
    currentVersion: 0,
    versions: new Map(),
    pushSources: [],
    fieldMapping: new Map(),
    timestampField: 'event_timestamp',
    createdTimestampField: '',
  };
}

async function recordsOf(text: string | Buffer, format: RowFormat, size = 1000): Promise<RowRecord[]> {
  const bytes = Buffer.from(text as string);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
  }
  const records: RowRecord[] = [];
  for await (const record of recordsFromText(pieces(), format)) records.push(record);
  return records;
}

async function rowsOf(text: string, format: RowFormat, view: FeatureViewSpec, options: Partial<RowTypingOptions> = {}) {
  return (await recordsOf(text, format)).map(createRowTyper(view, { ...OPTIONS, ...options }));
}

function refusal(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof IngestError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}
