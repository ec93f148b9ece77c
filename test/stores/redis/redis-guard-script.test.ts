import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EventTimestamp } from '../../../src/stores/online-store.ts';
import { GUARD_SCRIPT } from '../../../src/stores/redis/redis-guard-script.ts';
import { decodeTime, encodeTime, wholeMicros } from '../../../src/stores/redis/redis-layout.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';

const EDGES = [-62_135_596_801, -62_135_596_800, -1, 0, 1, 127, 128, 2 ** 28 - 1, 2 ** 28, 2 ** 35 - 1, 2 ** 35];

const seconds = fc.oneof(
  fc.integer({ min: 1_600_000_000, max: 1_600_000_003 }),
  fc.constantFrom(...EDGES, 253_402_300_799, 253_402_300_800),
);
const nanos = fc.oneof(fc.constantFrom(0, 999, 1000, 1999, 2000, 999_999_000), fc.integer({ min: 0, max: 1e9 - 1 }));
const varints = fc.array(fc.constantFrom(0x00, 0x01, 0x08, 0x10, 0x7f, 0x80, 0xff), { maxLength: 12 });
const storedBytes = fc.oneof(
  { weight: 3, arbitrary: fc.record({ seconds, nanos }).map(encodeTime) },
  { weight: 1, arbitrary: varints.map((bytes) => Buffer.from([0x08, ...bytes])) },
  { weight: 1, arbitrary: varints.map((bytes) => Buffer.from([0x08, 0x05, 0x10, ...bytes])) },
  { weight: 1, arbitrary: varints.map((bytes) => Buffer.from(bytes)) },
);
const newTime = fc.record({ seconds: seconds.filter((s) => s >= -62_135_596_800 && s <= 253_402_300_799), nanos });

function compare(a: EventTimestamp, b: EventTimestamp): number {
  return a.seconds - b.seconds || wholeMicros(a.nanos) - wholeMicros(b.nanos);
}

/** Feast's rule. */
function expected(stored: Buffer, time: EventTimestamp): string {
  const known = decodeTime(stored);
  if (known === undefined) return 'corrupt';
  const counts = compare(known, { seconds: 0, nanos: 0 }) > 0;
  return counts && compare(time, known) <= 0 ? 'skipped' : 'stored';
}

describe('the script that writes to Redis what is newer', () => {
  let server: RedisServer;

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  it('decides as Feast does, whatever bytes stand for the stored time', async () => {
    const cases = fc.sample(fc.tuple(storedBytes, newTime), { numRuns: 5000, seed: 1 });
    await server.client.flushall();
    const pipeline = server.client.pipeline();
    for (const [index, [stored, time]] of cases.entries()) {
      pipeline.hset(`k${index}`, 'time', stored);
      pipeline.eval(GUARD_SCRIPT, 1, `k${index}`, 0, 2, 'time', 'value', encodeTime(time), 'new');
      pipeline.hmgetBuffer(`k${index}`, 'time', 'value');
    }
    const replies = (await pipeline.exec()) ?? [];
    const seen = new Set<string>();
    for (const [index, [stored, time]] of cases.entries()) {
      const [error, count] = replies[index * 3 + 1] ?? [];
      const outcome = error ? 'corrupt' : count === 1 ? 'stored' : 'skipped';
      const what = `${stored.toString('hex')} and ${time.seconds}.${time.nanos}`;
      assert.equal(outcome, expected(stored, time), what);
      if (error) assert.match(error.message, /^ROW 0 CORRUPT/);
      const [, [bytes, value]] = replies[index * 3 + 2] as [null, [Buffer, Buffer | null]];
      assert.deepEqual(bytes, outcome === 'stored' ? encodeTime(time) : stored, what);
      assert.equal(value?.toString(), outcome === 'stored' ? 'new' : undefined, what);
      seen.add(outcome);
    }
    assert.deepEqual([...seen].sort(), ['corrupt', 'skipped', 'stored']);
  });

  it('goes on behind a row that fails, and names the first one', async () => {
    await server.client.flushall();
    await server.client.set('b', 'no hash');
    await server.client.hset('c', 'time', 'no time');
    const rows = ['a', 'b', 'c', 'd'];
    const values = rows.flatMap((row) => [encodeTime({ seconds: 5, nanos: 0 }), row.toUpperCase()]);
    await assert.rejects(
      server.client.eval(GUARD_SCRIPT, 4, ...rows, 60, 2, 'time', 'value', ...values),
      /^ReplyError: ROW 1 WRONGTYPE/,
    );
    assert.equal(await server.client.hget('a', 'value'), 'A');
    assert.equal(await server.client.hget('d', 'value'), 'D');
    assert.equal(await server.client.ttl('d'), 60);
    assert.deepEqual(await server.client.hgetall('c'), { time: 'no time' });
  });

  it('stores more features than Lua passes at once', async () => {
    await server.client.flushall();
    const fields = ['time', ...Array.from({ length: 9000 }, (_, n) => `f${n}`)];
    const values = [encodeTime({ seconds: 5, nanos: 0 }), ...Array.from({ length: 9000 }, (_, n) => n)];
    await server.client.eval(GUARD_SCRIPT, 1, 'k', 0, fields.length, ...fields, ...values);
    assert.equal(await server.client.hlen('k'), 9001);
    assert.equal(await server.client.hget('k', 'f8999'), '8999');
    assert.equal(await server.client.hget('k', 'f3499'), '3499');
  });
});
