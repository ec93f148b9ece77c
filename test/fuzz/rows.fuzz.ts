import assert from 'node:assert/strict';
import { parseTimestamp } from '../../src/encoding/timestamp.ts';
import { decodeValue } from '../../src/encoding/value.ts';
import { valueToJson } from '../../src/encoding/value-json.ts';
import { recordsFromCsv } from '../../src/ingest/csv-rows.ts';
import { createRowTyper, type RowTypingOptions } from '../../src/ingest/row-from-record.ts';
import { createLineTyper } from '../../src/ingest/stream/line-typer.ts';
import { LineSplitter } from '../../src/ingest/text-lines.ts';
import type { OnlineRow } from '../../src/stores/online-store.ts';
import { onlineTableFromView } from '../../src/stores/online-table.ts';
import { fuzzSnapshot } from './fuzz-project.ts';
import { type FuzzTarget, settledOrRefusal, valueOrRefusal } from './fuzz-target.ts';
import { piecesOf } from './pieces.ts';

const SYNTAX = ['INGEST_BAD_SYNTAX'];
const ROW_CODES = ['INGEST_MISSING_COLUMN', 'INGEST_BAD_VALUE', 'INGEST_BAD_TIMESTAMP'];
const AT = '2026-01-10T08:00:00Z';
const TYPING: RowTypingOptions = { timestampField: 'event_timestamp', timestampUnit: 's', missingFeatures: 'null' };

/** JSON lines as `sideboard ingest` reads them: the same lines however they come, each a row or an error of its own. */
export const jsonLines: FuzzTarget = {
  name: 'json-lines',
  form: 'json',
  tokens: [
    '"view"',
    '"counts"',
    '"notes"',
    '"pairs"',
    '"id"',
    '"event_timestamp"',
    `"${AT}"`,
    '"clicks"',
    '"tags"',
    '"more"',
    '1e400',
    '-0',
    '"\\ud83d"',
    '\n',
  ],
  seeds: () =>
    [
      `{"view": "counts", "id": 1, "event_timestamp": "${AT}", "clicks": 5, "rate": 0.5, "tags": [1, 2]}`,
      `{"view": "notes", "id": "2", "event_timestamp": 1768032000, "text": "gr\\u00f6\\u00dfe", "raw": "AAE=", "more": {"a": [1, null, {"b": true}]}}`,
      `{"view": "pairs", "id": 1, "place_id": "a", "event_timestamp": "2026-01-10 08:00:00.123456+02:00", "seen": null}\n\n[1]\r\n{"view": "nope"}`,
    ].map((text) => Buffer.from(text)),
  check(input) {
    const typed = createLineTyper({
      registry: fuzzSnapshot,
      tableOf: (view) => onlineTableFromView(view, 'p', 0),
      view: { field: 'view' },
      typing: TYPING,
      ackFields: ['id'],
      onExtraColumns: () => {},
    });
    const whole = linesOf([input]).map((bytes, index) => typed({ line: index + 1, bytes }));
    assert.deepEqual(linesOf(piecesOf(input)), linesOf([input]));
    for (const { row, error } of whole) {
      if (row !== undefined) checkRow(row.row);
      if (error !== undefined) assert.ok(error.code.startsWith('INGEST_'));
    }
  },
};

function linesOf(chunks: Iterable<Buffer>): Buffer[] {
  const splitter = new LineSplitter();
  const lines: Buffer[] = [];
  for (const chunk of chunks) for (const { bytes } of splitter.push(chunk)) lines.push(Buffer.from(bytes));
  const last = splitter.last();
  if (last !== undefined) lines.push(Buffer.from(last.bytes));
  return lines;
}

/** CSV files and their times: rows or one error, the same however the file comes. */
export const csv: FuzzTarget = {
  name: 'csv',
  form: 'text',
  tokens: [
    '"',
    '""',
    ',',
    '\r\n',
    '\n',
    'id',
    'event_timestamp',
    AT,
    '2026-02-30',
    '1e5',
    'NaN',
    '5.0',
    '[1;2]',
    '\ufeff',
  ],
  seeds: () =>
    [
      `id,event_timestamp,clicks,rate,tags\n1,${AT},5,0.5,"[1,2]"\n2,1768032000,,NaN,\n`,
      `event_timestamp,id,text,raw\r\n"2026-01-10 08:00:00.123456","3","a ""b""\nc",AAE=\r\n`,
    ].map((text) => Buffer.from(text)),
  async check(input) {
    const whole = await recordsOf([input]);
    assert.deepEqual(await recordsOf(piecesOf(input)), whole);
    for (const view of fuzzSnapshot.views.values()) {
      const typer = createRowTyper(view, { ...TYPING, onExtraColumns: () => {} });
      for (const record of whole ?? []) {
        const row = valueOrRefusal(ROW_CODES, () => typer(record));
        if (row !== undefined) checkRow(row);
      }
    }
  },
};

async function recordsOf(chunks: Iterable<Buffer>) {
  return settledOrRefusal(SYNTAX, async () => {
    const records = [];
    for await (const record of recordsFromCsv(asyncly(chunks))) records.push(record);
    return records;
  });
}

async function* asyncly(chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
}

/** Points in time as text, of files, pushes and requests. */
export const timestamps: FuzzTarget = {
  name: 'timestamps',
  form: 'text',
  tokens: ['T', 'Z', '+02:00', '-', ':', '.', 'UTC', '0001-01-01', '9999-12-31'],
  seeds: () =>
    [
      AT,
      '2026-01-10 08:00:00.123456+02:00',
      '2026-01-10',
      '-62135596800',
      '253402300799.999999999',
      '+5',
      '0001-01-01T00:00:00Z',
    ].map((text) => Buffer.from(text)),
  check(input) {
    const text = input.toString('utf8');
    for (const unit of ['s', 'ms', 'us', 'ns'] as const) {
      const time = valueOrRefusal(['INVALID_TIMESTAMP'], () => parseTimestamp(text, unit));
      if (time === undefined) continue;
      assert.ok(Number.isInteger(time.seconds) && time.nanos >= 0 && time.nanos < 1e9);
      if (unit === 's') {
        const written = `${new Date(time.seconds * 1000).toISOString().slice(0, 19)}.${String(time.nanos).padStart(9, '0')}Z`;
        assert.deepEqual(parseTimestamp(written), time);
      }
    }
  },
};

/** What is stored of a row can be read back. */
function checkRow({ values, eventTimestamp }: OnlineRow): void {
  assert.ok(Number.isSafeInteger(eventTimestamp.seconds));
  for (const value of values.values()) {
    decodeValue(value);
    valueToJson(value);
  }
}
