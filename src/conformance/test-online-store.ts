import type { StoreCapabilities } from '../stores/online-store.ts';
import { StoreFixture } from './fixture.ts';
import type { Kit, Section } from './kit.ts';
import { mochaGlobals } from './mocha-globals.ts';
import { type OnlineStoreTestOptions, wholeStorage } from './options.ts';
import { expectTimes } from './rows.ts';
import { testAbort } from './sections/abort.ts';
import { testApply } from './sections/apply.ts';
import { testAtomicLoads } from './sections/atomic-loads.ts';
import { testBlockWrites } from './sections/block-writes.ts';
import { testClose } from './sections/close.ts';
import { testConcurrency } from './sections/concurrency.ts';
import { testDeclaration } from './sections/declaration.ts';
import { testErrors } from './sections/errors.ts';
import { testExpiry } from './sections/expiry.ts';
import { testInspection } from './sections/inspection.ts';
import { testKeyOrderLoads } from './sections/key-order-loads.ts';
import { testMissingValues } from './sections/missing-values.ts';
import { testNamesAndKeys } from './sections/names-and-keys.ts';
import { testNewestOnly } from './sections/newest-only.ts';
import { testOrdering } from './sections/ordering.ts';
import { testPartialUpdates } from './sections/partial-updates.ts';
import { testProjects } from './sections/projects.ts';
import { testRead } from './sections/read.ts';
import { testReadMany } from './sections/read-many.ts';
import { testRewriting } from './sections/rewriting.ts';
import { testSizes } from './sections/sizes.ts';
import { testTeardown } from './sections/teardown.ts';
import { testValueTypes } from './sections/value-types.ts';
import { testWrite } from './sections/write.ts';

const sections: readonly (readonly [title: string, section: Section])[] = [
  ['declaration', testDeclaration],
  ['apply', testApply],
  ['write', testWrite],
  ['read', testRead],
  ['ordering', testOrdering],
  ['missing and null values', testMissingValues],
  ['value types', testValueTypes],
  ['names and keys', testNamesAndKeys],
  ['sizes', testSizes],
  ['writing again', testRewriting],
  ['expiry', testExpiry],
  ['partial updates', testPartialUpdates],
  ['teardown', testTeardown],
  ['projects', testProjects],
  ['concurrency', testConcurrency],
  ['errors', testErrors],
  ['abort', testAbort],
  ['close', testClose],
  ['inspection', testInspection],
];

/**
 * Defines the conformance tests of an online store: what every store must do, whatever it stores in. Call it in a test file
 * that mocha runs, once per configuration that is worth a test. The tests are grouped by ability; each works on a project
 * and a store of its own.
 *
 *     testOnlineStore({
 *       name: 'MyOnlineStore',
 *       config: () => MyOnlineStoreConfig.parse({ port }),
 *       create: (config, context) => new MyOnlineStore(config, context),
 *       capabilities: { readMany: false, ttl: false, directWrite: true, keepsNewest: false, feastPython },
 *     });
 *
 * @throws TypeError where mocha's globals are missing
 */
export function testOnlineStore<Config extends object>(options: OnlineStoreTestOptions<Config>): void {
  const { describe, it, beforeEach, afterEach } = mochaGlobals();
  // From here on the configuration only goes back and forth between the author's own functions.
  const untyped = options as unknown as OnlineStoreTestOptions<object>;
  const { name = 'the store', capabilities, timeoutMs = 20_000 } = options;

  describe(`${name} as an online store`, function () {
    this.timeout(timeoutMs);
    let fixture: StoreFixture | undefined;

    beforeEach(async () => {
      expectTimes(options.storage?.timePrecision ?? wholeStorage.timePrecision);
      fixture = await StoreFixture.open(untyped);
    });

    afterEach(async () => {
      await fixture?.end();
      fixture = undefined;
    });

    const kit: Kit = {
      it,
      slow: (title, body) => {
        it(title, function () {
          this.timeout(3 * timeoutMs);
          return body.call(this);
        });
      },
      on: () => {
        if (fixture === undefined) throw new TypeError('No test is running.');
        return fixture;
      },
      capabilities,
      storage: { ...wholeStorage, ...options.storage },
      options: untyped,
    };
    for (const [title, section] of [...sections, ...sectionsOf(capabilities)]) {
      describe(title, () => section(kit));
    }
  });
}

/** Sections of what need not be there. Where it is not, the section on the declaration sees to it. */
function sectionsOf(capabilities: StoreCapabilities): (readonly [title: string, section: Section])[] {
  return [
    ...(capabilities.readMany ? [['several tables in one call', testReadMany] as const] : []),
    ...(capabilities.newestOnly === true ? [['newest rows only', testNewestOnly] as const] : []),
    ...(capabilities.blockWrites === true ? [['rows in blocks', testBlockWrites] as const] : []),
    ...(capabilities.atomicLoads === true ? [['loads', testAtomicLoads] as const] : []),
    ...(capabilities.keyOrderLoads === true ? [['loads in the order of keys', testKeyOrderLoads] as const] : []),
  ];
}
