import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { ValueSchema, ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { SideboardError } from '../../../src/errors.ts';
import { IngestError } from '../../../src/ingest/ingest-error.ts';
import type { OnlinePush, OnlinePushOptions } from '../../../src/ingest/push/online-push.ts';
import { RegistryError } from '../../../src/registry/registry-error.ts';
import type { RegistrySnapshot } from '../../../src/registry/registry-snapshot.ts';
import type { OnlineStore } from '../../../src/stores/online-store.ts';
import { onlineTablesOfSnapshot } from '../../../src/stores/online-table.ts';
import { SqliteOnlineStore, SqliteOnlineStoreConfig } from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { changedStore } from '../../support/changed-store.ts';
import { double, int32, int64, nothing, string, timestamp } from '../../support/feature-values.ts';
import { codeOf, createTables, pushInto, pushRequest, thing, writeRequest } from '../../support/push-project.ts';
import { pushedSnapshot } from '../../support/push-registry.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const { INT64, STRING, FLOAT, FLOAT_LIST } = ValueType_Enum;
const AT = '2026-06-01T00:00:00Z';
const SECONDS = Date.parse(AT) / 1000;

const snapshot = pushedSnapshot(
  [
    { name: 'counts', features: { clicks: INT64 } },
    { name: 'sums', features: { spent: FLOAT, note: STRING } },
    { name: 'pairs', features: { seen: INT64 }, entities: ['thing', 'place'], source: 'pairs' },
    { name: 'made', features: { m: INT64 }, source: 'made', created: 'made_at', timestamp: 'at' },
    { name: 'renamed', features: { rate: INT64 }, source: 'renamed', mapping: { raw: 'rate' } },
    { name: 'versioned', features: { f: INT64 }, source: 'versioned', version: 2 },
    { name: 'hidden', features: { h: INT64 }, source: 'hidden', online: false },
    { name: 'half', features: { h: INT64 }, source: 'hidden' },
    { name: 'vectors', features: { e: FLOAT_LIST, o: INT64 }, source: 'vectors', vectors: { e: 2 } },
    { name: 'timeless', features: { t: INT64 }, source: 'timeless', timestamp: '' },
  ],
  [{ name: 'streamed', features: { latest: INT64 } }],
);
const live = { id: '1', event_timestamp: AT, clicks: '5', spent: '0.5', note: 'n', latest: '7' };

describe('a push', () => {
  const folder = useTempFolder();
  let store: OnlineStore;
  let push: OnlinePush;

  beforeEach(async () => {
    const config = SqliteOnlineStoreConfig.parse({ path: 'online.db' });
    store = new SqliteOnlineStore(config, { project: 'p', repoPath: folder(), warn: () => {} });
    await createTables(store, snapshot, true);
    push = pushInto(store, snapshot);
  });

  afterEach(() => store.close());

  it('reaches every view that the source feeds, stream feature views among them', async () => {
    await push.push(pushRequest({ streamFeatureView: 'live', features: live }));
    assert.equal(await storedKeys(), 3);
    assert.deepEqual(await stored(), {
      counts: { seconds: SECONDS, clicks: '2005' },
      sums: { seconds: SECONDS, spent: '350000003f', note: '12016e' },
      streamed: { seconds: SECONDS, latest: '2007' },
    });
  });

  it('by a view reaches that view alone', async () => {
    await push.writeToOnlineStore(writeRequest('counts', live));
    assert.deepEqual(Object.keys(await stored()), ['counts']);
  });

  describe('is refused as a whole, and writes nothing,', () => {
    const cases: Readonly<
      Record<string, readonly [code: string, request: Parameters<typeof pushRequest>[0], message: RegExp]>
    > = {
      'where one of several views cannot take it': [
        'INGEST_BAD_VALUE',
        { streamFeatureView: 'live', features: { ...live, latest: 'many' } },
        /^Feature view "streamed", column "latest": INT64 takes a whole number/,
      ],
      'for a feature that is missing': [
        'INGEST_MISSING_COLUMN',
        { streamFeatureView: 'live', features: { id: '1', event_timestamp: AT, clicks: '5', spent: '1', latest: '1' } },
        /no feature "note" of feature view "sums"/,
      ],
      'for a join key that is missing': [
        'INGEST_MISSING_COLUMN',
        { streamFeatureView: 'pairs', features: { id: '1', event_timestamp: AT, seen: '5' } },
        /no join key "place_id" of feature view "pairs"/,
      ],
      'for a join key that is null': [
        'INGEST_BAD_VALUE',
        {
          streamFeatureView: 'pairs',
          typedFeatures: { id: nothing, place_id: string('x'), event_timestamp: string(AT), seen: int64(1) },
        },
        /"pairs", column "id": a join key cannot be null/,
      ],
      'for a vector of another length': [
        'INGEST_BAD_VALUE',
        { streamFeatureView: 'vectors', features: { id: '1', event_timestamp: AT, e: '[1, 2, 3]', o: '1' } },
        /"vectors", column "e": the vector has 3 elements and must have 2/,
      ],
      'for a timestamp that is missing': [
        'INGEST_MISSING_COLUMN',
        { streamFeatureView: 'pairs', features: { id: '1', place_id: 'x', seen: '5' } },
        /no timestamp "event_timestamp"/,
      ],
      'for a timestamp that is null': [
        'INGEST_BAD_TIMESTAMP',
        {
          streamFeatureView: 'pairs',
          typedFeatures: { id: int64(1), place_id: string('x'), event_timestamp: nothing, seen: int64(1) },
        },
        /"pairs", column "event_timestamp": A timestamp is invalid: it is null/,
      ],
      'for a timestamp of digits': [
        'INGEST_BAD_TIMESTAMP',
        { streamFeatureView: 'pairs', features: { id: '1', place_id: 'x', seen: '5', event_timestamp: '1780272000' } },
        /nothing says what the number counts/,
      ],
      'for a created timestamp that its source names and the row has not': [
        'INGEST_MISSING_COLUMN',
        { streamFeatureView: 'made', features: { id: '1', at: AT, m: '5' } },
        /no timestamp "made_at"/,
      ],
      "for the name of a source's column in place of the feature's": [
        'INGEST_MISSING_COLUMN',
        { streamFeatureView: 'renamed', features: { id: '1', event_timestamp: AT, raw: '5' } },
        /no feature "rate"/,
      ],
      'for a source that nobody knows': [
        'INGEST_UNKNOWN_SOURCE',
        { streamFeatureView: 'nope', features: live },
        /push source "nope"/,
      ],
      'where the source feeds a view that is kept out of the online store': [
        'INGEST_VIEW_NOT_WRITABLE',
        { streamFeatureView: 'hidden', features: { id: '1', event_timestamp: AT, h: '1' } },
        /"hidden" is defined with online=False/,
      ],
      'where the source names no timestamp': [
        'INGEST_VIEW_NOT_WRITABLE',
        { streamFeatureView: 'timeless', features: { id: '1', t: '1' } },
        /"timeless" names no timestamp/,
      ],
      'to the offline store': [
        'INGEST_NO_OFFLINE_STORE',
        { streamFeatureView: 'live', features: live, to: 'offline' },
        /there is no offline store here/,
      ],
      'to both stores': [
        'INGEST_NO_OFFLINE_STORE',
        { streamFeatureView: 'live', features: live, to: 'online_and_offline' },
        /there is no offline store here/,
      ],
      'to somewhere else': [
        'INGEST_UNKNOWN_DESTINATION',
        { streamFeatureView: 'live', features: live, to: 'hunter2' },
        /none of the known destinations/,
      ],
      'in both forms': [
        'INGEST_MALFORMED_REQUEST',
        { streamFeatureView: 'live', features: live, typedFeatures: { id: int64(1) } },
        /one in typed_features/,
      ],
    };
    for (const [what, [code, request, message]] of Object.entries(cases)) {
      it(what, async () => {
        await assert.rejects(push.push(pushRequest(request)), (error) => {
          assert.ok(error instanceof IngestError, String(error));
          assert.equal(error.code, code);
          assert.match(error.describe(), message);
          return true;
        });
        assert.equal(await storedKeys(), 0);
      });
    }

    it('for a view that nobody knows, or that is computed on demand', async () => {
      assert.equal(await codeOf(push.writeToOnlineStore(writeRequest('nope', live))), 'INGEST_UNKNOWN_VIEW');
      assert.equal(await codeOf(push.writeToOnlineStore(writeRequest('computed', live))), 'INGEST_VIEW_NOT_WRITABLE');
    });

    it('while writing is turned off, or where the store takes no rows', async () => {
      const off = pushInto(store, snapshot, { enabled: false });
      await assert.rejects(off.push(pushRequest({ streamFeatureView: 'live', features: live })), {
        code: 'INGEST_WRITES_OFF',
        kind: 'permission_denied',
      });
      const mirror = changedStore(store, { capabilities: { ...store.capabilities, directWrite: false } });
      assert.equal(
        await codeOf(pushInto(mirror, snapshot).writeToOnlineStore(writeRequest('counts', live))),
        'INGEST_STORE_READ_ONLY',
      );
      assert.deepEqual(await stored(), {});
    });
  });

  it('takes a vector of the right length, and a null', async () => {
    const row = { id: int64(1), o: int64(1) };
    const e = create(ValueSchema, { val: { case: 'floatListVal', value: { val: [1, 2] } } });
    await push.writeToOnlineStore(writeRequest('vectors', { ...row, event_timestamp: string(AT), e }));
    assert.deepEqual(await stored(), { vectors: { seconds: SECONDS, e: '82010a0a080000803f00000040', o: '2001' } });
    const later = string('2026-06-01T00:00:01Z');
    await push.writeToOnlineStore(writeRequest('vectors', { ...row, event_timestamp: later, e: nothing }));
    assert.deepEqual(await stored(), { vectors: { seconds: SECONDS + 1, e: '', o: '2001' } });
  });

  it('leaves out columns that no view has', async () => {
    await push.writeToOnlineStore(writeRequest('counts', { ...live, zzz: 'x', __dummy_id: '' }));
    assert.deepEqual(await stored(), { counts: { seconds: SECONDS, clicks: '2005' } });
  });

  it('of nothing is answered and writes nothing, and so is one of nulls alone', async () => {
    await push.push(pushRequest({ streamFeatureView: 'live' }));
    const row = { id: int64(1), event_timestamp: string(AT) };
    await push.writeToOnlineStore(writeRequest('counts', { ...row, clicks: nothing }));
    await push.writeToOnlineStore(writeRequest('sums', { ...row, spent: double(Number.NaN), note: nothing }));
    assert.deepEqual(await stored(), {});
    await push.writeToOnlineStore(writeRequest('sums', { ...row, spent: nothing, note: string('') }));
    assert.deepEqual(await stored(), { sums: { seconds: SECONDS, spent: '', note: '1200' } });
  });

  it('has its times from the columns that the source names', async () => {
    await push.push(
      pushRequest({ streamFeatureView: 'made', features: { id: '1', m: '5', at: AT, made_at: '2026-06-01 01:00:00' } }),
    );
    assert.deepEqual(await stored(), { made: { seconds: SECONDS, m: '2005' } });
  });

  for (const [text, seconds] of [
    ['2026-06-01 00:00:00', SECONDS],
    ['2026-06-01T02:00:00+02:00', SECONDS],
    ['2026-06-01T00:00:00.999999', SECONDS],
    ['2026-06-01', SECONDS],
  ] as const) {
    it(`takes ${text} for what it is in UTC`, async () => {
      await push.writeToOnlineStore(writeRequest('counts', { ...live, event_timestamp: text }));
      assert.deepEqual(await stored(), { counts: { seconds, clicks: '2005' } });
    });
  }

  for (const [what, value, seconds] of [
    ['int64', int64(BigInt(SECONDS) * 1_000_000_000n), SECONDS],
    ['unix_timestamp', timestamp(SECONDS), 1],
    ['int32', int32(2_000_000_000), 2],
    ['double', double(SECONDS * 1e9), SECONDS],
  ] as const) {
    it(`takes a time as ${what} for nanoseconds, as Feast does`, async () => {
      await push.writeToOnlineStore(writeRequest('counts', { id: int64(1), clicks: int64(5), event_timestamp: value }));
      assert.deepEqual(await stored(), { counts: { seconds, clicks: '2005' } });
    });
  }

  it('takes a time with a zone for seconds', async () => {
    const at = create(ValueSchema, {
      val: { case: 'zonedTimestampVal', value: { unixTimestamp: BigInt(SECONDS), zone: 'Europe/Paris' } },
    });
    await push.writeToOnlineStore(writeRequest('counts', { id: int64(1), clicks: int64(5), event_timestamp: at }));
    assert.deepEqual(await stored(), { counts: { seconds: SECONDS, clicks: '2005' } });
  });

  it('goes to the current version of a view where views are versioned, and to the one table elsewhere', async () => {
    const request = pushRequest({ streamFeatureView: 'versioned', features: { id: '1', event_timestamp: AT, f: '5' } });
    await pushInto(store, snapshot, { versioned: true }).push(request);
    assert.deepEqual(await stored(), { versioned_v2: { seconds: SECONDS, f: '2005' } });
    await push.push(request);
    assert.deepEqual(Object.keys(await stored()), ['versioned', 'versioned_v2']);
  });

  it('that is older loses, one that is newer wins, and so does one that is as new', async () => {
    const at = (time: string, clicks: string) =>
      push.writeToOnlineStore(writeRequest('counts', { id: '1', event_timestamp: time, clicks }));
    await at('2026-06-02T00:00:00Z', '1');
    await at('2026-06-01T00:00:00Z', '2');
    assert.deepEqual(await stored(), { counts: { seconds: SECONDS + 86_400, clicks: '2001' } });
    await at('2026-06-02T00:00:00Z', '3');
    assert.deepEqual(await stored(), { counts: { seconds: SECONDS + 86_400, clicks: '2003' } });
    await at('2026-06-03T00:00:00Z', '4');
    assert.deepEqual(await stored(), { counts: { seconds: SECONDS + 2 * 86_400, clicks: '2004' } });
  });

  describe('without allow_registry_cache', () => {
    const request = pushRequest({
      streamFeatureView: 'fresh',
      allowRegistryCache: false,
      features: { id: '1', event_timestamp: AT, clicks: '5' },
    });
    const fresh = pushedSnapshot([{ name: 'counts', features: { clicks: INT64 }, source: 'fresh' }]);

    it('sees a registry that was read after it came', async () => {
      let current: RegistrySnapshot = snapshot;
      let readings = 0;
      const registry: OnlinePushOptions['registry'] = {
        current: () => current,
        async refresh() {
          readings++;
          current = fresh;
          return 'swapped';
        },
      };
      const known = pushRequest({ streamFeatureView: 'live', features: live });
      await pushInto(store, snapshot, { registry }).push(known);
      assert.equal(readings, 0);
      await pushInto(store, snapshot, { registry }).push(request);
      assert.equal(readings, 1);
    });

    it('fails with the registry, and writes nothing', async () => {
      const registry: OnlinePushOptions['registry'] = {
        current: () => fresh,
        refresh: () => Promise.reject(new RegistryError('REGISTRY_UNREADABLE', 'The registry is away.')),
      };
      assert.equal(await codeOf(pushInto(store, snapshot, { registry }).push(request)), 'REGISTRY_UNREADABLE');
      assert.deepEqual(await stored(), {});
    });

    it('waits for it no longer than its caller', async () => {
      const registry: OnlinePushOptions['registry'] = { current: () => fresh, refresh: () => new Promise(() => {}) };
      const call = pushInto(store, snapshot, { registry }).push(request, { deadline: Date.now() + 20 });
      assert.equal(await codeOf(call), 'REGISTRY_TIMEOUT');
      assert.deepEqual(await stored(), {});
    });
  });

  it('of any bytes is taken or refused with a code', async () => {
    const random = createSeededRandom(20261121);
    const requests = [
      pushRequest({ streamFeatureView: 'live', features: live }),
      pushRequest({
        streamFeatureView: 'pairs',
        typedFeatures: { id: int64(1), place_id: string('ü'), event_timestamp: string(AT), seen: int64(-1) },
      }),
    ];
    const codes = new Map<string, number>();
    for (let round = 0; round < 1_500; round++) {
      const original = requests[round % requests.length] ?? new Uint8Array();
      let bytes = Uint8Array.from(original);
      for (let changes = 1 + random(3); changes > 0; changes--) {
        const at = random(bytes.length);
        if (random(4) === 0) bytes = bytes.slice(0, at + 1);
        else bytes[at] = random(256);
      }
      const method = random(5) === 0 ? push.writeToOnlineStore(bytes) : push.push(bytes);
      const outcome = await method.then(
        () => 'written',
        (error: unknown) => (error instanceof SideboardError && error.kind !== 'internal' ? error.code : String(error)),
      );
      assert.match(outcome, /^(written|(INGEST|STORE)_[A-Z_]+)$/, Buffer.from(bytes).toString('hex'));
      codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
    }
    assert.ok(codes.size >= 5, [...codes.keys()].join());
  });

  /** Rows of all tables, whatever they hold. */
  async function storedKeys(): Promise<number> {
    const tables = onlineTablesOfSnapshot(snapshot, { versioned: true });
    const keys = tables.map(async (table) => (await store.sampleKeys?.(table, 10))?.length ?? Number.NaN);
    return (await Promise.all(keys)).reduce((sum, count) => sum + count, 0);
  }

  /** Every table that holds thing 1: its time and its values in hexadecimal. */
  async function stored(): Promise<Record<string, unknown>> {
    const found: Record<string, unknown> = {};
    for (const table of onlineTablesOfSnapshot(snapshot, { versioned: true })) {
      if (table.joinKeys.length > 1) continue;
      const [row] = await store.onlineRead(table, [thing(1)]);
      if (row === undefined) continue;
      const values = [...row.values].map(([name, value]) => [name, Buffer.from(value).toString('hex')]);
      found[table.name] = { seconds: row.eventTimestamp.seconds, ...Object.fromEntries(values) };
    }
    return found;
  }
});
