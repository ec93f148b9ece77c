import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ValueType_Enum as Type } from '../../../gen/feast/types/Value_pb.ts';
import { valueTypeName } from '../../../src/encoding/value-type.ts';
import { type CliRun, runCli } from '../../support/cli-run.ts';
import {
  createSourceProject,
  type SourceProject,
  type SourceView,
  SQLITE_STORE,
  storedInSqlite,
  writeSource,
} from '../../support/source-project.ts';

const START = '2026-01-01T00:00:00Z';
const END = '2026-02-01T00:00:00Z';
const SECONDS = Date.parse('2026-01-10T00:00:00Z') / 1000;

describe('materialize', function () {
  this.timeout(60_000);
  const projects: SourceProject[] = [];
  afterEach(() => {
    for (const project of projects.splice(0)) project.remove();
  });

  async function projectOf(...views: readonly SourceView[]): Promise<SourceProject> {
    const project = createSourceProject(SQLITE_STORE, views);
    projects.push(project);
    assert.equal((await runCli(['apply', '--repo', project.path, '--yes'])).status, 0);
    return project;
  }

  /** A project with one view over `data/rows.parquet`. */
  async function projectOver(select: string, view: Partial<SourceView> = {}): Promise<SourceProject> {
    const project = await projectOf({ features: { x: Type.INT64 }, uri: 'data/rows.parquet', ...view });
    await writeSource(join(project.path, view.uri ?? 'data/rows.parquet'), select);
    return project;
  }

  const load = (project: SourceProject, ...more: readonly string[]): Promise<CliRun> =>
    loadWith(project, [START, END], more);

  function loadWith(project: SourceProject, bounds: readonly string[], more: readonly string[]): Promise<CliRun> {
    const command = bounds.length === 1 ? 'materialize-incremental' : 'materialize';
    const rejects = ['--reject-file', join(project.path, 'rejects.jsonl')];
    return runCli([command, ...bounds, '--repo', project.path, ...rejects, ...more]);
  }

  function rejectsOf(project: SourceProject): readonly unknown[] {
    const lines = readFileSync(join(project.path, 'rejects.jsonl'), 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as unknown);
  }

  const valuesOf = async (project: SourceProject): Promise<unknown> =>
    Object.fromEntries((await storedInSqlite(project)).map(({ key, values }) => [key, values.x]));

  describe('the interval', () => {
    it('includes both of its ends', async () => {
      const project = await projectOver(`
        SELECT i::BIGINT AS id, i::BIGINT AS x, ts FROM (VALUES
          (1, TIMESTAMPTZ '2025-12-31 23:59:59.999999Z'), (2, TIMESTAMPTZ '2026-01-01 00:00:00Z'),
          (3, TIMESTAMPTZ '2026-02-01 00:00:00Z'), (4, TIMESTAMPTZ '2026-02-01 00:00:00.000001Z')) AS rows(i, ts)`);
      assert.equal((await load(project)).status, 0);
      assert.deepEqual(await valuesOf(project), { 2: 2n, 3: 3n });
    });

    for (const type of ['TIMESTAMP', 'TIMESTAMPTZ', 'TIMESTAMP_NS', 'TIMESTAMP_MS', 'TIMESTAMP_S', 'DATE', 'VARCHAR']) {
      it(`takes times of type ${type}, without a zone as UTC`, async () => {
        const project = await projectOver(`
          SELECT i::BIGINT AS id, i::BIGINT AS x, ts::${type} AS ts FROM (VALUES
            (1, '2025-12-31'), (2, '2026-01-10'), (3, '2026-02-02')) AS rows(i, ts)`);
        const run = await load(project);
        assert.equal(run.status, 0, run.stderr);
        const [row, ...others] = await storedInSqlite(project);
        assert.deepEqual([row?.key, row?.event, others.length], ['2', SECONDS, 0]);
      });
    }

    for (const [what, bounds, hint] of [
      ['a start behind the end', [END, START], /START 2026-02-01T00:00:00Z is after END/],
      ['a text that is not a time', ['soon', END], /START is not a point in time/],
      ['a number', ['2026', END], /START is not a point in time/],
    ] as const) {
      it(`is refused for ${what}`, async () => {
        const project = await projectOf({ features: {}, uri: 'data/none.parquet' });
        const run = await loadWith(project, bounds, []);
        assert.equal(run.status, 6);
        assert.match(run.stderr, /^error MATERIALIZE_INTERVAL_INVALID: /);
        assert.match(run.stderr, hint);
      });
    }
  });

  describe('the newest row of an entity', () => {
    it('has the latest event time, then the latest creation, a null counting as the oldest, then the first place', async () => {
      const project = await projectOver(
        `
        SELECT i::BIGINT AS id, x::BIGINT AS x, ts::TIMESTAMP AS ts, made::TIMESTAMP AS made FROM (VALUES
          (1, 10, '2026-01-10', '2026-01-20'), (1, 11, '2026-01-11', '2026-01-12'), (1, 12, '2026-01-10', '2026-01-30'),
          (2, 20, '2026-01-10', NULL), (2, 21, '2026-01-10', '2026-01-11'), (2, 22, '2026-01-10', '2026-01-10'),
          (3, 30, '2026-01-10', '2026-01-11'), (3, 31, '2026-01-10', '2026-01-11')) AS rows(i, x, ts, made)`,
        { createdField: 'made' },
      );
      assert.equal((await load(project)).status, 0);
      assert.deepEqual(await valuesOf(project), { 1: 11n, 2: 21n, 3: 30n });
      const [first] = await storedInSqlite(project);
      assert.equal(first?.created, Date.parse('2026-01-12T00:00:00Z') / 1000);
    });

    it('does not take the place of a newer row in the store', async () => {
      const project = await projectOver(`SELECT 1::BIGINT AS id, 1::BIGINT AS x, TIMESTAMP '2026-01-10' AS ts`);
      const newer = join(project.path, 'newer.jsonl');
      writeFileSync(newer, '{"id": 1, "x": 2, "ts": "2026-01-11T00:00:00Z"}\n');
      const write = ['write', 'stats', newer, '--repo', project.path, '--timestamp-field', 'ts'];
      assert.equal((await runCli(write)).status, 0);
      assert.equal((await load(project)).status, 0);
      assert.deepEqual(await valuesOf(project), { 1: 2n });
    });
  });

  it('reads columns under the names that the field mapping gives them, behind a push source too', async () => {
    for (const behindPushSource of [false, true]) {
      const project = await projectOver(
        `SELECT 7::BIGINT AS k, 5::BIGINT AS raw, TIMESTAMP '2026-01-10' AS at, TIMESTAMP '2026-01-11' AS made`,
        {
          fieldMapping: { k: 'id', raw: 'x', at: 'ts', made: 'created' },
          createdField: 'created',
          behindPushSource,
        },
      );
      const run = await load(project);
      assert.equal(run.status, 0, run.stderr);
      assert.deepEqual(await storedInSqlite(project), [
        { key: '7', event: SECONDS, created: SECONDS + 86_400, values: { x: 5n } },
      ]);
    }
  });

  it('lays keys of several join keys in the order of their names, and the key of a view without entities', async () => {
    const keys = { zone: Type.STRING, area: Type.INT32, code: Type.BYTES };
    const rows = `SELECT 'ä' AS zone, -3 AS area, '\\xFF'::BLOB AS code, 1::BIGINT AS x, TIMESTAMP '2026-01-10' AS ts`;
    const project = await projectOf(
      { features: { x: Type.INT64 }, uri: 'data/rows.parquet', keys },
      { name: 'whole', features: { x: Type.INT64 }, uri: 'data/rows.parquet', keys: {} },
    );
    await writeSource(
      join(project.path, 'data/rows.parquet'),
      `${rows} UNION ALL (SELECT 'b', 0, ''::BLOB, 2, TIMESTAMP '2026-01-09')`,
    );
    const run = await load(project);
    assert.equal(run.status, 0, run.stderr);
    assert.deepEqual(
      (await storedInSqlite(project)).map(({ key }) => key),
      ['0||b', '-3|255|ä'].sort(),
    );
    const [only, ...others] = await storedInSqlite(project, 'whole');
    assert.deepEqual([only?.key, only?.values, others.length], ['', { x: 1n }, 0]);
  });

  describe('values', () => {
    const typed = [
      [Type.INT64, '9007199254740993::BIGINT', 9007199254740993n],
      [Type.INT64, '(-9223372036854775808)::BIGINT', -9223372036854775808n],
      [Type.INT64, '12::UTINYINT', 12n],
      [Type.INT64, '18::UBIGINT', 18n],
      [Type.INT64, '3.0::DOUBLE', 3n],
      [Type.INT64, "'nan'::DOUBLE", null],
      [Type.INT64, '7.00::DECIMAL(9,2)', 7n],
      [Type.INT32, '(-2147483648)::BIGINT', -2147483648],
      [Type.INT32, '2147483647.0::DOUBLE', 2147483647],
      [Type.DOUBLE, '0.1::DOUBLE', 0.1],
      [Type.DOUBLE, "'-inf'::DOUBLE", -Infinity],
      [Type.DOUBLE, '5::INTEGER', 5],
      [Type.DOUBLE, "'nan'::DOUBLE", null],
      [Type.FLOAT, '0.5::FLOAT', 0.5],
      [Type.FLOAT, '0.1::DOUBLE', Math.fround(0.1)],
      [Type.BOOL, 'false', false],
      [Type.BOOL, '1::INTEGER', true],
      [
        Type.STRING,
        "'Zürich 🚕, a text that is longer than twelve bytes'",
        'Zürich 🚕, a text that is longer than twelve bytes',
      ],
      [Type.STRING, "''", ''],
      [Type.STRING, '42::BIGINT', '42'],
      [Type.BYTES, "'\\x00\\xFF'::BLOB", new Uint8Array([0, 255])],
      [Type.BYTES, "''::BLOB", new Uint8Array()],
      [Type.UNIX_TIMESTAMP, "TIMESTAMP '1969-12-31 23:59:58.5'", -2n],
      [Type.UNIX_TIMESTAMP, "TIMESTAMPTZ '2026-01-10 00:00:00+01:00'", BigInt(SECONDS - 3600)],
      [Type.UNIX_TIMESTAMP, "DATE '2026-01-10'", BigInt(SECONDS)],
      [Type.UUID, "'5f7c8a0e-2f4b-4a4e-9a0b-0d6f6a3f1c11'::UUID", '5f7c8a0e-2f4b-4a4e-9a0b-0d6f6a3f1c11'],
    ] as const;
    const judged = [
      [Type.INT64, "'12'", 12n],
      [Type.DECIMAL, '1.50::DECIMAL(9,2)', '1.50'],
      [Type.JSON, `'{"a": 1}'`, '{"a": 1}'],
      [Type.INT64_LIST, '[1, -2]::BIGINT[]', [1n, -2n]],
      [Type.FLOAT_LIST, '[0.5, 1.5]::FLOAT[]', [0.5, 1.5]],
      [Type.STRING_LIST, "['a', '']", ['a', '']],
      [Type.BOOL_LIST, '[true]', [true]],
      [Type.UNIX_TIMESTAMP_LIST, "[TIMESTAMP '1970-01-02']", [86400n]],
      [Type.BYTES_LIST, "['a'::BLOB]", [new Uint8Array([97])]],
      [Type.STRING_SET, "['a', 'a', 'b']", ['a', 'b']],
      [Type.MAP, "MAP {'a': 1}", new Map([['a', 1n]])],
      [
        Type.STRUCT,
        "{'a': 1, 'b': 'y'}",
        new Map<string, unknown>([
          ['a', 1n],
          ['b', 'y'],
        ]),
      ],
      [Type.VALUE_LIST, '[[1, 2], [3]]', [[1n, 2n], [3n]]],
    ] as const;
    for (const [what, cases] of [
      ['whose columns have their types', typed],
      ['that have to be looked at', judged],
    ] as const) {
      it(`${what} are stored as the registry says, nulls too`, async () => {
        const columns = cases.map(([, sql], index) => `${sql} AS f${index}`).join(', ');
        const nulls = cases.map((_, index) => `NULL AS f${index}`).join(', ');
        const project = await projectOver(
          `SELECT 1::BIGINT AS id, TIMESTAMP '2026-01-10' AS ts, ${columns}
           UNION ALL SELECT 2, TIMESTAMP '2026-01-10', ${nulls}`,
          { features: Object.fromEntries(cases.map(([type], index) => [`f${index}`, type])) },
        );
        const run = await load(project);
        assert.equal(run.status, 0, run.stderr);
        const [first, second] = await storedInSqlite(project);
        for (const [index, [type, sql, stored]] of cases.entries()) {
          assert.deepEqual(first?.values[`f${index}`], stored, `${sql} for ${valueTypeName(type)}`);
          assert.equal(second?.values[`f${index}`], null, `a null for ${valueTypeName(type)}`);
        }
      });
    }

    it('of more columns than one file holds stay with their rows', async () => {
      const features = Object.fromEntries(
        Array.from({ length: 60 }, (_, index) => [`f${index}`, index % 3 === 0 ? Type.STRING : Type.INT64]),
      );
      const columns = Object.entries(features).map(([name, type], index) =>
        type === Type.STRING
          ? `'text ' || (i * ${index}) AS ${name}`
          : `CASE WHEN i % 7 = 0 THEN NULL ELSE i * ${index} END AS ${name}`,
      );
      const project = await projectOver(
        `SELECT (i % 500)::BIGINT AS id, TIMESTAMP '2026-01-10' + INTERVAL (i) SECOND AS ts, ${columns.join(', ')} FROM range(1500) AS t(i)`,
        { features },
      );
      const run = await load(project);
      assert.equal(run.status, 0, run.stderr);
      const stored = await storedInSqlite(project);
      assert.equal(stored.length, 500);
      for (const { key, values } of stored) {
        const i = Number(key) + 1000;
        for (let index = 0; index < 60; index++) {
          const number = i % 7 === 0 ? null : BigInt(i * index);
          assert.equal(values[`f${index}`], index % 3 === 0 ? `text ${i * index}` : number, `${key} f${index}`);
        }
      }
    });
  });

  describe('bad rows', () => {
    const bad = `
      SELECT * FROM (VALUES
        (1::BIGINT, 1::DOUBLE, TIMESTAMP '2026-01-10'), (NULL, 2, TIMESTAMP '2026-01-10'),
        (3, 3, NULL), (4, 4.5, TIMESTAMP '2026-01-10'), (1, 0.5, TIMESTAMP '2026-01-11'),
        (6, 6.5, TIMESTAMP '2025-01-10')) AS rows(id, x, ts)`;
    const named = [
      { row: 2, column: 'id', reason: 'a join key cannot be null' },
      { row: 3, column: 'ts', reason: 'the event timestamp is null' },
      { row: 4, column: 'x', reason: 'INT64 takes a whole number in its range' },
      { row: 5, column: 'x', reason: 'INT64 takes a whole number in its range' },
    ].map((each) => ({ view: 'stats', file: 'data/rows.parquet', ...each }));

    it('fail the run before anything is written, and are all named', async () => {
      const project = await projectOver(bad);
      const run = await load(project);
      assert.equal(run.status, 6);
      assert.match(
        run.stderr,
        /error MATERIALIZE_BAD_ROWS: 4 rows of view "stats" cannot be loaded; 0 may be left out/,
      );
      assert.deepEqual(rejectsOf(project), named);
      assert.deepEqual(await storedInSqlite(project), []);
      assert.equal(project.registry().featureViews[0]?.meta?.materializationIntervals.length, 0);
    });

    it('are left out up to the number that is allowed: then the newest good row counts', async () => {
      const project = await projectOver(bad);
      const run = await load(project, '--max-bad-rows', '4');
      assert.equal(run.status, 0, run.stderr);
      assert.match(run.stdout, /^stats: 5 rows read, 1 latest, 1 written, 4 rejected, /);
      assert.deepEqual(rejectsOf(project), named);
      assert.deepEqual(await valuesOf(project), { 1: 1n });
    });

    it('are named no longer once a run finds none', async () => {
      const project = await projectOver(bad);
      assert.equal((await load(project, '--max-bad-rows', '4')).status, 0);
      assert.ok(existsSync(join(project.path, 'rejects.jsonl')));
      await writeSource(
        join(project.path, 'data', 'rows.parquet'),
        "SELECT 1::BIGINT AS id, 2::BIGINT AS x, TIMESTAMP '2026-01-10' AS ts",
      );
      const run = await load(project);
      assert.equal(run.status, 0, run.stderr);
      assert.ok(!existsSync(join(project.path, 'rejects.jsonl')));
    });

    for (const [type, sql, reason] of [
      [Type.INT64, "'five'", 'INT64 takes a whole number, but got a string.'],
      [Type.INT64, '9223372036854775808::UBIGINT', 'INT64 takes a whole number in its range'],
      [Type.INT64, '9223372036854775808::DOUBLE', 'INT64 takes a whole number in its range'],
      [Type.INT32, '2147483648::BIGINT', 'INT32 takes a whole number in its range'],
      [Type.FLOAT, '1e39::DOUBLE', 'the number is too large for a 32-bit float'],
      [Type.BOOL, '2::INTEGER', 'BOOL takes true, false, 1 or 0'],
      [Type.STRING, '0.5::DOUBLE', 'STRING takes a string, but got a number with a fraction, or NaN.'],
      [Type.UUID, "'no uuid'", 'UUID takes a UUID as text'],
      [Type.DOUBLE, "'1.5'", 'DOUBLE takes a number, but got a string.'],
      [Type.BYTES, "'text'", undefined],
      [Type.JSON, "'{'", undefined],
      [Type.INT64_LIST, '[1, NULL]::BIGINT[]', 'Element 1 of INT64_LIST takes a value, but got null.'],
    ] as const) {
      it(`are those with ${sql} for ${valueTypeName(type)}`, async () => {
        const project = await projectOver(`SELECT 1::BIGINT AS id, ${sql} AS x, TIMESTAMP '2026-01-10' AS ts`, {
          features: { x: type },
        });
        const run = await load(project);
        assert.equal(run.status, 6, run.stderr);
        const [entry, ...others] = rejectsOf(project) as readonly Record<string, unknown>[];
        assert.deepEqual([entry?.row, entry?.column, others.length], [1, 'x', 0]);
        if (reason !== undefined) assert.equal(entry?.reason, reason);
        assert.deepEqual(await storedInSqlite(project), []);
      });
    }
  });

  describe('CSV and JSON lines', () => {
    const rows = `
      SELECT * FROM (VALUES
        (1, 5, 'a', TIMESTAMP '2026-01-10', TIMESTAMP '2026-01-11'), (1, 6, 'b', TIMESTAMP '2026-01-10', TIMESTAMP '2026-01-12'),
        (2, NULL, 'c', TIMESTAMP '2026-01-09 12:00:00.5', TIMESTAMP '2026-01-12'), (3, 7, 'd', TIMESTAMP '2025-01-10', TIMESTAMP '2026-01-12')
      ) AS rows(id, x, text, ts, made)`;
    const view = { features: { x: Type.INT64, text: Type.STRING }, createdField: 'made' };

    it('give what Parquet gives', async () => {
      const results: unknown[] = [];
      for (const ending of ['parquet', 'csv', 'jsonl']) {
        const project = await projectOver(rows, { ...view, uri: `data/rows.${ending}` });
        const run = await load(project);
        assert.equal(run.status, 0, run.stderr);
        assert.match(run.stdout, /3 rows read, 2 latest, 2 written, 0 rejected/);
        results.push(await storedInSqlite(project));
      }
      assert.deepEqual(results[1], results[0]);
      assert.deepEqual(results[2], results[0]);
    });

    it('name bad rows by their line, and do not look at rows outside the interval', async () => {
      const project = await projectOf({ features: { x: Type.INT64 }, uri: 'data/rows.jsonl' });
      const lines = [
        '{"id": 1, "x": 1, "ts": "2026-01-10T00:00:00Z"}',
        '{"id": 1, "x": ',
        '{"id": 2, "x": 1.5, "ts": "2026-01-10T00:00:00Z"}',
        '{"id": 3, "ts": "2026-01-10T00:00:00Z"}',
        '{"id": 4, "x": 1, "ts": "yesterday"}',
        '{"id": "five", "x": "six", "ts": "2025-01-10T00:00:00Z"}',
      ];
      writeFileSync(join(project.path, 'data/rows.jsonl'), lines.join('\n'));
      const run = await load(project, '--max-bad-rows', '4');
      assert.equal(run.status, 0, run.stderr);
      const entries = rejectsOf(project) as readonly Record<string, unknown>[];
      assert.deepEqual(
        entries.map(({ row, column }) => [row, column]),
        [
          [2, null],
          [3, 'x'],
          [4, 'x'],
          [5, 'ts'],
        ],
      );
      assert.deepEqual(await valuesOf(project), { 1: 1n });
    });

    it('may be compressed, and have times that count', async () => {
      const project = await projectOf({ features: { x: Type.INT64 }, uri: 'data/rows.csv.gz' });
      writeFileSync(join(project.path, 'data/rows.csv.gz'), gzipSync(`id,x,ts\n1,2,${SECONDS}000\n`));
      const run = await load(project, '--timestamp-unit', 'ms');
      assert.equal(run.status, 0, run.stderr);
      assert.deepEqual(await storedInSqlite(project), [{ key: '1', event: SECONDS, created: null, values: { x: 2n } }]);
    });
  });

  describe('the source', () => {
    const row = (id: number): string => `SELECT ${id}::BIGINT AS id, ${id}::BIGINT AS x, TIMESTAMP '2026-01-10' AS ts`;

    it('may be a folder or a pattern; files of another kind beside them do not count', async () => {
      for (const uri of ['data/parts', 'data/parts/', 'data/parts/**/part-[0-9].parquet', 'data/*/part-?.parquet']) {
        const project = await projectOf({ features: { x: Type.INT64 }, uri });
        const folder = join(project.path, 'data', 'parts');
        mkdirSync(folder);
        writeFileSync(join(folder, '_SUCCESS'), '');
        for (const id of [1, 2]) await writeSource(join(folder, `part-${id}.parquet`), row(id));
        const run = await load(project);
        assert.equal(run.status, 0, run.stderr);
        assert.deepEqual(await valuesOf(project), { 1: 1n, 2: 2n });
      }
    });

    for (const [what, view, code, status] of [
      ['is not there', {}, 'MATERIALIZE_SOURCE_MISSING', 6],
      ['lacks a column', { features: { x: Type.INT64, other: Type.INT64 } }, 'MATERIALIZE_MISSING_COLUMN', 6],
      ['is not a Parquet file', { uri: 'data/registry.db' }, 'MATERIALIZE_SOURCE_UNREADABLE', 6],
      ['is somewhere else', { uri: 'gs://bucket/rows.parquet' }, 'MATERIALIZE_SOURCE_UNSUPPORTED', 6],
      ['is transformed', { spec: { featureTransformation: {} } }, 'INGEST_VIEW_NOT_WRITABLE', 6],
    ] as const) {
      it(`is an error where it ${what}`, async () => {
        const project = await projectOf({ features: { x: Type.INT64 }, uri: 'data/rows.parquet', ...view });
        if (code === 'MATERIALIZE_MISSING_COLUMN') await writeSource(join(project.path, 'data/rows.parquet'), row(1));
        const run = await load(project);
        assert.equal(run.status, status, run.stderr);
        assert.ok(run.stderr.includes(`error ${code}: `), run.stderr);
        assert.equal(project.registry().featureViews[0]?.meta?.materializationIntervals.length, 0);
      });
    }
  });

  describe('the run', () => {
    it('records the interval when a view is complete; an incremental one begins there', async () => {
      const project = await projectOver(
        `SELECT 1::BIGINT AS id, i::BIGINT AS x, TIMESTAMP '2026-01-10' + INTERVAL (i) DAY AS ts FROM range(30) AS t(i)`,
      );
      assert.equal((await loadWith(project, ['2026-01-01', '2026-01-11'], [])).status, 0);
      assert.deepEqual(await valuesOf(project), { 1: 1n });
      assert.equal((await loadWith(project, ['2026-01-15'], [])).status, 0);
      assert.deepEqual(await valuesOf(project), { 1: 5n });
      const intervals = project.registry().featureViews[0]?.meta?.materializationIntervals ?? [];
      const days = intervals.map(({ startTime, endTime }) =>
        [startTime, endTime].map((time) => new Date(Number(time?.seconds) * 1000).toISOString().slice(0, 10)),
      );
      assert.deepEqual(days, [
        ['2026-01-01', '2026-01-11'],
        ['2026-01-11', '2026-01-15'],
      ]);
      const again = await loadWith(project, ['2026-01-12'], []);
      assert.match(again.stdout, /^stats: loaded up to 2026-01-15T00:00:00Z already/);
    });

    it('begins a first incremental load its ttl before now, or 52 weeks', async () => {
      for (const [ttlSeconds, days] of [
        [86_400 * 3, 3],
        [0, 364],
      ] as const) {
        const project = await projectOver(
          `SELECT i::BIGINT AS id, i::BIGINT AS x, now()::TIMESTAMP - INTERVAL (i) DAY + INTERVAL 1 HOUR AS ts FROM range(1, 400) AS t(i)`,
          { ttlSeconds },
        );
        const run = await loadWith(project, [new Date().toISOString()], []);
        assert.equal(run.status, 0, run.stderr);
        assert.equal((await storedInSqlite(project)).length, days);
      }
    });

    it('is complete where the interval has no rows', async () => {
      const project = await projectOver(`SELECT 1::BIGINT AS id, 1::BIGINT AS x, TIMESTAMP '2025-01-10' AS ts`);
      const run = await load(project);
      assert.equal(run.status, 0, run.stderr);
      assert.match(run.stdout, /^stats: 0 rows read, 0 latest, 0 written, 0 rejected/);
      assert.equal(project.registry().featureViews[0]?.meta?.materializationIntervals.length, 1);
    });

    it('takes the views that are named, and refuses others', async () => {
      const view = { features: { x: Type.INT64 }, uri: 'data/rows.parquet' };
      const project = await projectOf(
        { ...view, name: 'a' },
        { ...view, name: 'b' },
        { ...view, name: 'c' },
        { ...view, name: 'off', spec: { online: false } },
      );
      await writeSource(join(project.path, 'data/rows.parquet'), row());
      const run = await load(project, '--views', 'a,b', '--views', 'a');
      assert.deepEqual(run.stdout.match(/^\w+(?=:)/gm), ['a', 'b']);
      const all = await load(project);
      assert.deepEqual(all.stdout.match(/^\w+(?=:)/gm), ['a', 'b', 'c']);
      assert.match((await load(project, '--views', 'off')).stderr, /error INGEST_VIEW_NOT_WRITABLE/);
      assert.match((await load(project, '--views', 'none')).stderr, /error INGEST_UNKNOWN_VIEW/);
    });

    it('writes and records nothing in a trial, and leaves nothing behind', async () => {
      const project = await projectOver(row());
      const run = await load(project, '--dry-run');
      assert.match(run.stdout, /^stats: 1 rows read, 1 latest, nothing written, 0 rejected/);
      assert.deepEqual(await storedInSqlite(project), []);
      assert.equal(project.registry().featureViews[0]?.meta?.materializationIntervals.length, 0);
      assert.deepEqual(readdirSync(join(project.path, '.sideboard', 'materialize')), []);
      assert.ok(!existsSync(join(project.path, 'rejects.jsonl')));
    });

    const row = (): string => `SELECT 1::BIGINT AS id, 1::BIGINT AS x, TIMESTAMP '2026-01-10' AS ts`;
  });
});
