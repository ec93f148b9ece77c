import assert from 'node:assert/strict';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { EntityKeySchema } from '../../../gen/feast/types/EntityKey_pb.ts';
import { ValueType_Enum as Type, type Value, ValueSchema } from '../../../gen/feast/types/Value_pb.ts';
import { serializeEntityKey } from '../../../src/encoding/entity-key.ts';
import { keyOrderTerms } from '../../../src/ingest/materialize/key-order.ts';
import { typedColumn } from '../../../src/ingest/materialize/typed-columns.ts';
import { loadSqliteDriver } from '../../../src/stores/sqlite/sqlite-driver.ts';
import { runCli } from '../../support/cli-run.ts';
import {
  createSourceProject,
  SOURCE_PROJECT,
  type SourceProject,
  SQLITE_STORE,
  storedInSqlite,
  writeSource,
} from '../../support/source-project.ts';

type Arm = Value['val'];

/** So many that a load of four features is written as it comes. */
const ENTITIES = 6000;

/** A join key's type, DuckDB's type for it, its values, and how one is written in SQL and in a key. */
const kinds = [
  {
    type: Type.INT64,
    sqlType: 'BIGINT',
    values: fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-70_000n, 70_000n)),
    sql: (value: bigint) => `(${value})::HUGEINT::BIGINT`,
    arm: (value: bigint): Arm => ({ case: 'int64Val', value }),
  },
  {
    type: Type.INT32,
    sqlType: 'INTEGER',
    values: fc.bigInt(-(2n ** 31n), 2n ** 31n - 1n),
    sql: (value: bigint) => `(${value})::BIGINT::INTEGER`,
    arm: (value: bigint): Arm => ({ case: 'int32Val', value: Number(value) }),
  },
  {
    type: Type.STRING,
    sqlType: 'VARCHAR',
    values: fc.bigInt(0n, 2n ** 20n),
    sql: (value: bigint) => `'${textOf(value)}'`,
    arm: (value: bigint): Arm => ({ case: 'stringVal', value: textOf(value) }),
  },
  {
    type: Type.BYTES,
    sqlType: 'BLOB',
    values: fc.bigInt(0n, 2n ** 20n),
    sql: (value: bigint) => `encode('${textOf(value)}')`,
    arm: (value: bigint): Arm => ({ case: 'bytesVal', value: Buffer.from(textOf(value)) }),
  },
] as const;

/** Texts of many lengths, some beyond one byte's worth, with characters of several bytes. */
function textOf(value: bigint): string {
  const text = value.toString(36);
  return value % 3n === 0n ? `é${text}` : value % 7n === 0n ? text.repeat(100) : text;
}

const kindsOfKey = fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 3 });
const keysOfRows = kindsOfKey.chain((chosen) =>
  fc.tuple(
    fc.constant(chosen),
    fc.array(fc.tuple(...chosen.map(({ values }) => values)), { minLength: 2, maxLength: 40 }),
  ),
);

describe('the order in which rows are staged for a store that wants them in the order of their keys', function () {
  this.timeout(60_000);
  let instance: DuckDBInstance;
  before(async () => {
    instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  });
  after(() => instance?.closeSync());

  it('is that of the bytes of their serialized entity keys', async () => {
    const connection = await instance.connect();
    try {
      await fc.assert(
        fc.asyncProperty(keysOfRows, async ([chosen, rows]) => {
          // In another order than that of the names.
          const names = chosen.map((_, index) => `key_${chosen.length - index}`);
          const planned = chosen.map(({ type }, index) => {
            const name = names[index] ?? '';
            return { name, source: name, valueType: type };
          });
          const columns = chosen.map(({ type, sqlType }, index) => {
            const column = typedColumn(names[index] ?? '', sqlType, type);
            assert.ok(column);
            return column;
          });
          const values = rows.map((row, n) => `(${n}, ${row.map((value, i) => chosen[i]?.sql(value)).join(', ')})`);
          const sql = `
            SELECT n FROM (VALUES ${values.join(', ')}) AS rows(n, ${names.join(', ')})
            ORDER BY ${keyOrderTerms(planned, columns).join(', ')}`;
          const order = (await connection.runAndReadAll(sql)).getRows().map(([n]) => Number(n));
          const keys = rows.map((row) => {
            const entityValues = row.map((value, i) => create(ValueSchema, { val: chosen[i]?.arm(value) as Arm }));
            return serializeEntityKey(create(EntityKeySchema, { joinKeys: names, entityValues }));
          });
          const ordered = order.map((n) => keys[n] ?? new Uint8Array());
          assert.equal(order.length, rows.length);
          assert.deepEqual(ordered, ordered.toSorted(Buffer.compare));
        }),
        { numRuns: 60 },
      );
    } finally {
      connection.closeSync();
    }
  });

  it('is that in which a large load reaches SQLite, whatever the order of the source', async () => {
    const project = createSourceProject(SQLITE_STORE, [
      { features: { x: Type.INT64, name: Type.STRING, half: Type.DOUBLE, even: Type.BOOL }, uri: 'data/rows.parquet' },
    ]);
    try {
      // Names that the staged columns have themselves; two rows of each entity, of which the later one comes first.
      const file = join(project.path, 'data', 'rows.parquet');
      await writeSource(
        file,
        `SELECT (i * 7919) % ${ENTITIES} - 2000 AS id, TIMESTAMP '2026-01-10' - INTERVAL (i) SECOND AS ts, i AS x,
          'n' || i AS name, i / 2 AS half, i % 2 = 0 AS even, i AS v0, i AS t, i AS c
        FROM range(${2 * ENTITIES}) AS rows(i)`,
      );
      assert.equal((await runCli(['apply', '--repo', project.path, '--yes'])).status, 0);
      const run = await runCli(['materialize', '2026-01-01', '2026-02-01', '--repo', project.path]);
      assert.equal(run.status, 0, run.stderr);
      const stored = await storedInSqlite(project);
      const expected = Array.from({ length: ENTITIES }, (_, i) => {
        const values = { x: BigInt(i), name: `n${i}`, half: i / 2, even: i % 2 === 0 };
        return [String(((i * 7919) % ENTITIES) - 2000), values] as const;
      });
      assert.deepEqual(new Map(stored.map(({ key, values }) => [key, values])), new Map(expected));
      const keys = await keysInSqlite(project);
      assert.equal(keys.length, ENTITIES);
      assert.deepEqual(keys, keys.toSorted(Buffer.compare));
    } finally {
      project.remove();
    }
  });
});

/** The keys of the first view, each once, as they were written. */
async function keysInSqlite(project: SourceProject): Promise<readonly Buffer[]> {
  const Database = await loadSqliteDriver();
  const database = new Database(join(project.path, 'data', 'online.db'), { readonly: true });
  try {
    const sql = `SELECT entity_key FROM "${SOURCE_PROJECT}_stats" WHERE feature_name = 'x' ORDER BY rowid`;
    return (database.prepare(sql).raw().all() as [Buffer][]).map(([key]) => key);
  } finally {
    database.close();
  }
}
