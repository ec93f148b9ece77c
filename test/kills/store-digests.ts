import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { loadSqliteDriver } from '../../src/stores/sqlite/sqlite-driver.ts';

/** A digest of all that a Redis holds: every hash with every field and its value, byte for byte. */
export async function redisDigest(client: Redis): Promise<string> {
  const keys = await client.keysBuffer('*');
  keys.sort(Buffer.compare);
  const digest = createHash('sha256');
  for (let first = 0; first < keys.length; first += 1000) {
    const batch = keys.slice(first, first + 1000);
    const hashes = (await Promise.all(batch.map((key) => client.callBuffer('HGETALL', key)))) as unknown as Buffer[][];
    for (const [index, cells] of hashes.entries()) {
      const fields: Buffer[] = [];
      for (let at = 0; at < cells.length; at += 2) fields.push(Buffer.concat(cells.slice(at, at + 2).map(withLength)));
      digest.update(withLength(batch[index] ?? Buffer.alloc(0)));
      for (const field of fields.sort(Buffer.compare)) digest.update(field);
    }
  }
  return digest.digest('hex');
}

/** A digest of all that an SQLite file holds: every table with its definition and every row, each column with its type. */
export async function sqliteDigest(file: string): Promise<string> {
  const Driver = await loadSqliteDriver();
  const database = new Driver(file, { fileMustExist: true, timeout: 10_000 });
  try {
    const digest = createHash('sha256');
    const all = (sql: string) => database.prepare(sql).raw().all() as unknown[][];
    for (const [type, name, sql] of all('SELECT type, name, sql FROM sqlite_master ORDER BY type, name')) {
      digest.update(JSON.stringify([type, name, sql]));
      if (type !== 'table') continue;
      const columns = all(`SELECT name FROM pragma_table_info('${String(name)}')`).map(([column]) => `"${column}"`);
      const cells = columns.map((column) => `quote(${column})`).join(` || ',' || `);
      for (const [row] of all(`SELECT ${cells} AS row FROM "${String(name)}" ORDER BY row`)) digest.update(`${row}\n`);
    }
    return digest.digest('hex');
  } finally {
    database.close();
  }
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}
