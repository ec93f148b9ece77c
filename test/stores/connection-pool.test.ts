import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConnectionPool,
  type ConnectionPoolOptions,
  type PooledConnection,
} from '../../src/stores/sql/connection-pool.ts';
import { StoreError } from '../../src/stores/store-error.ts';
import { storeErrorOf } from '../support/store-rows.ts';

class Line implements PooledConnection {
  broken = false;
  readonly number: number;
  constructor(number: number) {
    this.number = number;
  }
  destroy(): void {
    this.broken = true;
  }
}

describe('ConnectionPool', () => {
  let pool: ConnectionPool<Line>;
  let lines: Line[] = [];
  let broke: (() => void)[] = [];

  const create = (options: Partial<ConnectionPoolOptions<Line>> = {}): void => {
    pool = new ConnectionPool<Line>({
      connect: async (onBroken) => {
        const line = new Line(lines.length);
        lines.push(line);
        broke.push(onBroken);
        return line;
      },
      where: 'the server',
      maxConnections: 2,
      minConnections: 1,
      idleTimeoutMs: 60_000,
      acquireTimeoutMs: 5000,
      maxWaiting: 100,
      settings: 'some setting',
      ...options,
    });
  };

  beforeEach(() => {
    lines = [];
    broke = [];
  });

  afterEach(() => pool.close());

  const reading = { limitMs: 5000, mayFinish: true };
  const writing = { limitMs: 5000, mayFinish: false };

  const open = (): number => lines.filter((line) => !line.broken).length;

  it('tells what its connections do', async () => {
    create();
    assert.deepEqual(pool.state(), { inUse: 0, idle: 0, connecting: 0, waiting: 0 });
    let finish = (): void => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const calls = [1, 2, 3].map(() => pool.use(() => held, reading));
    assert.deepEqual(pool.state(), { inUse: 0, idle: 0, connecting: 2, waiting: 3 });
    await sleep(1);
    assert.deepEqual(pool.state(), { inUse: 2, idle: 0, connecting: 0, waiting: 1 });
    finish();
    await Promise.all(calls);
    await sleep(1);
    assert.deepEqual(pool.state(), { inUse: 0, idle: 2, connecting: 0, waiting: 0 });
  });

  it('serves calls in their order on so many connections and no more', async () => {
    create();
    let busy = 0;
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, call) =>
        pool.use(async () => {
          busy++;
          assert.ok(busy <= 2);
          order.push(call);
          await sleep(1);
          busy--;
        }, reading),
      ),
    );
    assert.deepEqual(
      order,
      Array.from({ length: 20 }, (_, call) => call),
    );
    assert.equal(lines.length, 2);
  });

  it('tells everybody who waits why no connection can be opened, and tries again for the next call', async () => {
    let down = true;
    let attempts = 0;
    create({
      connect: async () => {
        attempts++;
        await sleep(1);
        if (down) throw new StoreError('STORE_AUTH_FAILED', 'no');
        return new Line(0);
      },
    });
    const calls = Array.from({ length: 50 }, () =>
      storeErrorOf(
        pool.use(async () => {}, reading),
        'STORE_AUTH_FAILED',
      ),
    );
    await Promise.all(calls);
    assert.ok(attempts < 10, `${attempts} attempts`);
    down = false;
    await pool.use(async () => {}, reading);
  });

  it('lets calls wait for the connections that are open when the server gives no more', async () => {
    let opened = 0;
    create({
      connect: async () => {
        if (opened++ > 0) throw new StoreError('STORE_OVERLOADED', 'too many');
        return new Line(0);
      },
    });
    await Promise.all(Array.from({ length: 10 }, () => pool.use(() => sleep(1), reading)));
  });

  it('fails with a code when none becomes free in time, or too many wait', async () => {
    create({ acquireTimeoutMs: 30, maxWaiting: 3, maxConnections: 1 });
    const held = pool.use(() => sleep(200), reading);
    await sleep(5);
    const waiting = [1, 2, 3].map(() =>
      storeErrorOf(
        pool.use(async () => {}, reading),
        'STORE_OVERLOADED',
      ),
    );
    const refused = await storeErrorOf(
      pool.use(async () => {}, reading),
      'STORE_OVERLOADED',
    );
    assert.match(refused.describe(), /3 calls wait for a connection.*some setting/s);
    for (const error of await Promise.all(waiting)) assert.match(error.message, /became free within 30 ms/);
    await storeErrorOf(
      pool.use(async () => {}, reading, { deadline: Date.now() + 10 }),
      'STORE_TIMEOUT',
    );
    const caller = new AbortController();
    setTimeout(() => caller.abort(), 5);
    await storeErrorOf(
      pool.use(async () => {}, reading, { signal: caller.signal }),
      'STORE_TIMEOUT',
    );
    await held;
    assert.equal(await pool.use(async (line) => line.number, reading), 0);
    assert.equal(open(), 1);
  });

  it('keeps a connection that answers soon after its caller has left, and cuts one that does not', async () => {
    create({ maxConnections: 1 });
    await storeErrorOf(
      pool.use(() => sleep(30), reading, { deadline: Date.now() + 5 }),
      'STORE_TIMEOUT',
    );
    assert.equal(await pool.use(async (line) => line.number, reading), 0);
    await storeErrorOf(
      pool.use(() => sleep(1000), reading, { deadline: Date.now() + 5 }),
      'STORE_TIMEOUT',
    );
    assert.equal(await pool.use(async (line) => line.number, reading), 1);
    assert.equal(lines[0]?.broken, true);
  });

  it('cuts the connection of a transaction at once when its caller has left', async () => {
    create({ maxConnections: 1 });
    await storeErrorOf(
      pool.use(() => sleep(30), writing, { deadline: Date.now() + 5 }),
      'STORE_TIMEOUT',
    );
    assert.equal(lines[0]?.broken, true);
    assert.equal(await pool.use(async (line) => line.number, writing), 1);
  });

  it('keeps a connection after work that failed on it, unless it broke', async () => {
    create({ maxConnections: 1 });
    await assert.rejects(
      pool.use(() => Promise.reject(new Error('no such table')), reading),
      /no such table/,
    );
    assert.equal(await pool.use(async (line) => line.number, reading), 0);
    await assert.rejects(
      pool.use(async (line) => {
        line.broken = true;
        throw new Error('lost');
      }, reading),
    );
    assert.equal(await pool.use(async (line) => line.number, reading), 1);
  });

  it('uses none of the present connections again once it is renewed, and lets calls finish', async () => {
    create();
    const first = pool.use(async (line) => {
      await sleep(20);
      return line.broken;
    }, reading);
    await pool.use(async () => {}, reading);
    pool.renew();
    assert.equal(await first, false);
    await Promise.all([1, 2].map(() => pool.use(async (line) => assert.ok(line.number >= 2), reading)));
    assert.deepEqual(
      lines.slice(0, 2).map((line) => line.broken),
      [true, true],
    );
  });

  it('does not use one either that was being opened when it was renewed: what ended the others may have met it', async () => {
    let goOn = (): void => {};
    const opening = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    create({
      connect: async () => {
        const line = new Line(lines.length);
        lines.push(line);
        if (line.number === 0) await opening;
        return line;
      },
    });
    const call = pool.use(async ({ number }) => number, reading);
    pool.renew();
    goOn();
    assert.equal(await call, 1);
    assert.equal(lines[0]?.broken, true);
    assert.equal(await pool.use(async ({ number }) => number, reading), 1);
  });

  it('forgets a connection that breaks while nobody uses it', async () => {
    create({ maxConnections: 1 });
    await pool.use(async () => {}, reading);
    const [line] = lines;
    assert.ok(line);
    line.broken = true;
    broke[0]?.();
    assert.equal(await pool.use(async ({ number }) => number, reading), 1);
  });

  it('closes what is not used for a time, down to the minimum', async () => {
    create({ maxConnections: 5, idleTimeoutMs: 20 });
    await Promise.all(Array.from({ length: 5 }, () => pool.use(() => sleep(5), reading)));
    assert.equal(open(), 5);
    for (let round = 0; open() > 1 && round < 100; round++) await sleep(10);
    assert.equal(open(), 1);
    await sleep(60);
    assert.equal(open(), 1);
  });

  it('ends calls that wait, and the connections, when it is closed', async () => {
    create({ maxConnections: 1 });
    const held = pool.use(() => sleep(20), reading);
    await sleep(1);
    const waiting = storeErrorOf(
      pool.use(async () => {}, reading),
      'STORE_CLOSED',
    );
    pool.close();
    await waiting;
    await held;
    assert.equal(open(), 0);
    await storeErrorOf(
      pool.use(async () => {}, reading),
      'STORE_CLOSED',
    );
  });
});
