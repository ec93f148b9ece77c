import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { runCli } from '../support/cli-run.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';

const row = (customer: string, clicks: unknown, more = '', time = '2026-01-10T08:00:00Z') =>
  `{"customer_id": "${customer}", "clicks": ${clicks}, "event_timestamp": "${time}"${more}}\n`;

describe('sideboard ingest', () => {
  let repo: FeatureRepo;

  beforeEach(() => {
    repo = createSqliteRepo('multiview');
  });
  afterEach(() => repo.remove());

  const ingest = (input: string | Uint8Array, ...args: readonly string[]) =>
    runCli(['ingest', ...args, '--repo', repo.path], { input });

  /** What `get` shows of a customer's clicks. */
  async function got(customer: string): Promise<string> {
    const args = ['get', '--features', 'live_counters:clicks', '--entity', `customer_id=${customer}`];
    const { stdout } = await runCli([...args, '--repo', repo.path]);
    return stdout.trim().split('\n').at(-1) ?? '';
  }

  it('acknowledges batches through their last lines, when they are stored', async () => {
    const rows = Array.from({ length: 25 }, (_, i) => row(`c-${i}`, i)).join('');
    const { status, stdout, stderr } = await ingest(rows, 'live_counters', '--batch-size', '10');
    assert.equal(status, 0, stderr);
    assert.equal(stdout, '{"through":10,"rows":10}\n{"through":20,"rows":10}\n{"through":25,"rows":5}\n');
    assert.equal(stderr, '25 rows stored, 0 left out, through line 25\n');
    assert.match(await got('c-24'), /^c-24 +clicks +24 /);
  });

  it('repeats members of a line in its acknowledgement, exactly, and takes them for no columns', async () => {
    const more = (offset: string) => `, "partition": 3, "offset": ${offset}, "key": {"a": ["ü", 1.5]}`;
    const rows = row('a', 1, more('9007199254740993')) + row('b', 2, more('9007199254740994')) + row('c', 3);
    const fields = ['partition', 'offset', 'key'].flatMap((field) => ['--ack-field', field]);
    const lines = await ingest(rows, 'live_counters', '--ack', 'lines', ...fields);
    assert.deepEqual(lines.stdout.split('\n'), [
      '{"line":1,"partition":3,"offset":9007199254740993,"key":{"a":["ü",1.5]}}',
      '{"line":2,"partition":3,"offset":9007199254740994,"key":{"a":["ü",1.5]}}',
      '{"line":3,"partition":null,"offset":null,"key":null}',
      '',
    ]);
    assert.doesNotMatch(lines.stderr, /warning/);
    const batches = await ingest(
      row('a', 1, more('7')) + row('b', 2, more('8')),
      'live_counters',
      '--ack-field',
      'offset',
    );
    assert.equal(batches.stdout, '{"through":2,"rows":2,"offset":8}\n');
    assert.match(batches.stderr, /^warning: columns that live_counters does not have are left out: partition, key\n/);
  });

  it('takes the view from each line', async () => {
    const rows =
      '{"table": "live_counters", "customer_id": "a", "clicks": 1, "event_timestamp": "2026-01-10T08:00:00Z"}\n' +
      '{"table": "location_stats", "location_id": 7, "temperature": 1.5, "label": "x", "event_timestamp": "2026-01-10T08:00:00Z"}\n';
    const { status, stdout, stderr } = await ingest(rows, '--view-field', 'table');
    assert.equal(status, 0, stderr);
    assert.equal(stdout, '{"through":2,"rows":2}\n');
    assert.match(await got('a'), /^a +clicks +1 /);
    const unknown = await ingest(rows.replace('location_stats', 'nothing'), '--view-field', 'table', '--ack', 'lines');
    assert.equal(unknown.stdout, '{"line":1}\n');
    assert.match(unknown.stderr, /error INGEST_UNKNOWN_VIEW: .*"nothing"/);
    const missing = await ingest(row('a', 1), '--view-field', 'table');
    assert.match(missing.stderr, /error INGEST_MISSING_COLUMN: Line 1 does not name its view in "table"\./);
  });

  it('asks for a view or a member that names it', async () => {
    for (const args of [[], ['live_counters', '--view-field', 'v']]) {
      const { status, stderr } = await ingest('', ...args);
      assert.equal(status, exitCodes.usage.code);
      assert.match(stderr, /error CLI_USAGE: Name either the feature view/);
    }
    assert.equal((await ingest('', 'nothing')).status, exitCodes.input.code);
  });

  it('ends at a bad line, behind what it has stored and acknowledged', async () => {
    const rows = row('a', 1) + row('b', 2) + row('c', '"secret"') + row('d', 4);
    const { status, stdout, stderr } = await ingest(rows, 'live_counters');
    assert.equal(status, exitCodes.input.code);
    assert.equal(stdout, '{"through":2,"rows":2}\n');
    assert.match(await got('d'), /NOT_FOUND/);
    assert.match(stderr, /error INGEST_BAD_VALUE: Line 3, column "clicks"/);
    assert.doesNotMatch(stderr, /secret/);
    const again = await ingest(row('d', 4), 'live_counters');
    assert.equal(again.stdout, '{"through":1,"rows":1}\n');
  });

  it('leaves out as many bad lines as it may, names them, and acknowledges them with the others', async () => {
    const rows = `${row('a', 1)}no json\n\n${row('c', null)}[]\n${row('e', 5)}`;
    const file = join(repo.path, 'rejects.jsonl');
    const left = await ingest(rows, 'live_counters', '--max-bad-rows', '2', '--reject-file', file, '--ack', 'lines');
    assert.equal(left.status, 0, left.stderr);
    assert.equal(
      left.stdout,
      '{"line":1}\n{"line":2,"rejected":"INGEST_BAD_SYNTAX"}\n{"line":4}\n{"line":5,"rejected":"INGEST_BAD_SYNTAX"}\n{"line":6}\n',
    );
    assert.match(left.stderr, /3 rows stored, 2 left out, through line 6\n$/);
    const named = readFileSync(file, 'utf8').trim().split('\n');
    assert.deepEqual(
      named.map((line) => JSON.parse(line)).map(({ view, line, code }) => [view, line, code]),
      [
        ['live_counters', 2, 'INGEST_BAD_SYNTAX'],
        ['live_counters', 5, 'INGEST_BAD_SYNTAX'],
      ],
    );
    const batches = await ingest(rows, 'live_counters', '--max-bad-rows', '1');
    assert.equal(batches.status, exitCodes.input.code);
    assert.equal(batches.stdout, '{"through":4,"rows":2,"rejected":1}\n');
    assert.match(batches.stderr, /left out: INGEST_BAD_SYNTAX: Line 2/);
    assert.match(batches.stderr, /error INGEST_BAD_SYNTAX: Line 5 /);
  });

  it('counts a line that is not UTF-8 as a bad one', async () => {
    const input = Buffer.concat([Buffer.from(row('a', 1)), Buffer.from([0xff, 0x0a]), Buffer.from(row('b', 2))]);
    const { stdout, stderr } = await ingest(input, 'live_counters', '--max-bad-rows', '1');
    assert.equal(stdout, '{"through":3,"rows":2,"rejected":1}\n');
    assert.match(stderr, /Line 2 is not UTF-8 text/);
  });

  it('says that a reject file cannot be written, before the lines are acknowledged', async () => {
    const { status, stdout, stderr } = await ingest(
      `${row('a', 1)}x\n`,
      ...['live_counters', '--max-bad-rows', '1', '--reject-file', join(repo.path, 'none', 'x')],
    );
    assert.equal(status, exitCodes.input.code);
    assert.equal(stdout, '');
    assert.match(stderr, /error INGEST_REJECTS_UNWRITABLE/);
  });

  it('never lets an older row take the place of a newer one', async () => {
    const day = (n: number) => `2026-01-${String(n).padStart(2, '0')}T00:00:00Z`;
    const rows = [5, 3, 9, 1, 7].map((n) => row('a', n, '', day(n))).join('');
    const { stdout } = await ingest(rows + row('a', 2, '', day(2)), 'live_counters', '--batch-size', '2');
    assert.equal(stdout.split('\n').length, 4);
    await ingest(row('a', 8, '', day(8)), 'live_counters');
    assert.match(await got('a'), /^a +clicks +9 .*2026-01-09T00:00:00Z/);
  });
});
