import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { SideboardError } from '../../src/errors.ts';
import { IngestError } from '../../src/ingest/ingest-error.ts';
import type { RowRecord } from '../../src/ingest/record.ts';
import { type WriteRowsOptions, writeRows } from '../../src/ingest/write-rows.ts';
import type { OnlineStore, OnlineTable } from '../../src/stores/online-store.ts';
import { SqliteOnlineStore, SqliteOnlineStoreConfig } from '../../src/stores/sqlite/sqlite-online-store.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const TABLE: OnlineTable = { project: 'p', name: 'v', joinKeys: ['id'], features: [{ name: 'f', valueType: 2 }] };

describe('writeRows', () => {
  const folder = useTempFolder();
  let store: OnlineStore;

  beforeEach(async () => {
    const config = SqliteOnlineStoreConfig.parse({ path: 'online.db' });
    store = new SqliteOnlineStore(config, { project: 'p', repoPath: folder(), warn: () => {} });
    await store.update({
      tablesToKeep: [TABLE],
      tablesToDelete: [],
      entitiesToKeep: [],
      entitiesToDelete: [],
      partial: false,
    });
  });

  afterEach(() => store.close());

  it('writes all rows, batch by batch, and tells how many are done', async () => {
    const told: number[] = [];
    const outcome = await write(['1', '2', '3', '4', '5'], { batchSize: 2, onProgress: (rows) => told.push(rows) });
    assert.deepEqual(outcome, { rows: 5, interrupted: false, failure: undefined });
    assert.deepEqual([...new Set(told)], [2, 4, 5]);
    assert.deepEqual(await storedIds(), ['1', '2', '3', '4', '5']);
  });

  it('writes nothing of a batch with bad rows and nothing behind it, and names all of that batch', async () => {
    const outcome = await write(['1', '2', '3', 'bad', 'bad', '6', '7'], { batchSize: 4 });
    assert.equal(outcome.rows, 0);
    const { failure } = await write(['1', '2', '3', 'bad', 'bad', '6', '7'], { batchSize: 3 });
    assert.equal(failure?.stage, 'rows');
    assert.deepEqual([failure?.firstLine, failure?.lastLine], [4, 6]);
    assert.ok(failure?.error instanceof IngestError);
    assert.equal(failure.error.code, 'INGEST_BAD_ROWS');
    assert.match(failure.error.message, /^2 rows cannot be written:\n {2}Line 4 is bad\.\n {2}Line 5 is bad\.$/);
    assert.deepEqual(await storedIds(), ['1', '2', '3']);
  });

  it('gives a single bad row its own error', async () => {
    const { failure } = await write(['1', 'bad']);
    assert.equal(codeOf(failure?.error), 'INGEST_BAD_VALUE');
    assert.deepEqual(await storedIds(), []);
  });

  it('names the first of very many bad rows, and how many more there are', async () => {
    const { failure } = await write(Array.from({ length: 25 }, () => 'bad'));
    assert.match(messageOf(failure?.error), /^25 rows(.*\n){10}.*Line 10 is bad\.\n.*and 15 more$/);
  });

  it('stops where the rows cannot be read any further, without the rows of the batch under way', async () => {
    async function* records(): AsyncGenerator<RowRecord> {
      yield* recordsOf(['1', '2', '3']);
      throw new IngestError('INGEST_BAD_SYNTAX', 'Line 4 is broken.');
    }
    const outcome = await writeRows(records(), optionsWith({ batchSize: 2 }));
    assert.deepEqual([outcome.rows, outcome.failure?.stage], [2, 'rows']);
    assert.deepEqual(await storedIds(), ['1', '2']);
  });

  it('says where the store failed, and that some of the batch may be written', async () => {
    await store.close();
    const outcome = await write(['1', '2', '3'], { batchSize: 2 });
    assert.deepEqual([outcome.rows, outcome.failure?.stage, outcome.failure?.firstLine], [0, 'store', 1]);
    assert.equal(codeOf(outcome.failure?.error), 'STORE_CLOSED');
  });

  it('ends behind the batch under way when it is interrupted', async () => {
    const controller = new AbortController();
    const outcome = await write(['1', '2', '3', '4', '5'], {
      batchSize: 2,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    assert.deepEqual(outcome, { rows: 2, interrupted: true, failure: undefined });
    assert.deepEqual(await storedIds(), ['1', '2']);
  });

  it('reads on to the end in a trial and writes nothing', async () => {
    const { store: _, ...trial } = optionsWith({ batchSize: 2 });
    const outcome = await writeRows(recordsOf(['1', 'bad', '3', '4', 'bad', '6']), trial);
    assert.equal(outcome.rows, 4);
    assert.match(messageOf(outcome.failure?.error), /Line 2 is bad\.\n.*Line 5 is bad\./);
    assert.deepEqual(await storedIds(), []);
  });

  function optionsWith(options: Partial<WriteRowsOptions>): WriteRowsOptions {
    return { store, table: TABLE, typeRow, batchSize: 1000, batchTimeoutMs: 10_000, ...options };
  }

  function write(ids: readonly string[], options: Partial<WriteRowsOptions> = {}) {
    return writeRows(recordsOf(ids), optionsWith(options));
  }

  async function storedIds(): Promise<readonly string[]> {
    const ids = ['1', '2', '3', '4', '5', '6', '7'];
    const reader = new SqliteOnlineStore(SqliteOnlineStoreConfig.parse({ path: 'online.db' }), {
      project: 'p',
      repoPath: folder(),
      warn: () => {},
    });
    try {
      const rows = await reader.onlineRead(TABLE, ids.map(keyOf));
      return ids.filter((_, index) => rows[index] !== undefined);
    } finally {
      await reader.close();
    }
  }
});

async function* recordsOf(ids: readonly string[]): AsyncGenerator<RowRecord> {
  for (const [index, id] of ids.entries()) {
    yield { line: index + 1, format: 'jsonl', fields: new Map([['id', id]]) };
  }
}

function typeRow({ line, fields }: RowRecord) {
  const id = String(fields.get('id'));
  if (id === 'bad') throw new IngestError('INGEST_BAD_VALUE', `Line ${line} is bad.`);
  return {
    entityKey: keyOf(id),
    values: new Map([['f', new Uint8Array()]]),
    eventTimestamp: { seconds: 0, nanos: 0 },
  };
}

function keyOf(id: string) {
  return create(EntityKeySchema, { joinKeys: ['id'], entityValues: [{ val: { case: 'stringVal', value: id } }] });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof SideboardError ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}
