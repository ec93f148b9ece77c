import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreFixture } from '../fixture.ts';
import type { Section } from '../kit.ts';
import { driver, int64, plainRow, rowOf } from '../rows.ts';
import { DRIVERS } from '../tables.ts';

/** Which rows the store forgets by itself. The TTL of a view is none of its business: that is judged above it. */
export const testExpiry: Section = ({ it, on, capabilities, options }) => {
  it('gives back rows of any age: what is too old is judged above the store', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const old = rowOf(driver(1), { trips: int64(1) }, 978_307_200);
    const early = rowOf(driver(2), { trips: int64(2) }, Math.floor(Date.now() / 1000) + 86_400);
    await on().write(drivers, [old, early]);
    assert.deepEqual(await on().read(drivers, [driver(1), driver(2)]), [plainRow(old), plainRow(early)]);
  });

  const { expiring } = options;
  if (!capabilities.ttl || expiring === undefined) return;

  it('forgets rows after the time that it is set to, and not before', async () => {
    const fixture = await StoreFixture.open(options, expiring.config);
    try {
      const [drivers] = await fixture.applied(DRIVERS);
      const row = rowOf(driver(1), { trips: int64(1) });
      const before = Date.now();
      await fixture.write(drivers, [row]);
      const written = Date.now();
      for (;;) {
        const asked = Date.now();
        const [read] = await fixture.read(drivers, [driver(1)]);
        if (read === undefined) break;
        assert.deepEqual(read, plainRow(row));
        // A second of grace: databases count whole seconds, and sweep now and then.
        assert.ok(asked - written < expiring.seconds * 1000 + 4000, 'the row is still there');
        await sleep(50);
      }
      assert.ok(Date.now() - before >= expiring.seconds * 1000 - 1000, 'the row went too early');
    } finally {
      await fixture.end();
    }
  });

  it('forgets only what has expired: a row that is written again stays', async () => {
    const fixture = await StoreFixture.open(options, expiring.config);
    try {
      const [drivers] = await fixture.applied(DRIVERS);
      await fixture.write(drivers, [rowOf(driver(1), { trips: int64(0) }), rowOf(driver(2), { trips: int64(0) })]);
      const end = Date.now() + expiring.seconds * 1000 + 4000;
      for (let version = 1; ; version++) {
        const row = rowOf(driver(1), { trips: int64(version) }, 1_768_032_000 + version);
        const started = Date.now();
        await fixture.write(drivers, [row]);
        const [kept, other] = await fixture.read(drivers, [driver(1), driver(2)]);
        // On a machine that stood still for so long the row may be gone rightly.
        if (Date.now() - started < expiring.seconds * 500) assert.deepEqual(kept, plainRow(row));
        if (other === undefined) return;
        assert.ok(Date.now() < end, 'the row that was not written again is still there');
        await sleep(50);
      }
    } finally {
      await fixture.end();
    }
  });
};
