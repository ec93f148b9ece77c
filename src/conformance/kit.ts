import type { StoreCapabilities } from '../stores/online-store.ts';
import type { StoreFixture } from './fixture.ts';
import type { MochaGlobals } from './mocha-globals.ts';
import type { OnlineStoreTestOptions, StorageTraits } from './options.ts';

/** What a section of the suite is given to define its tests with. */
export interface Kit extends Pick<MochaGlobals, 'it'> {
  /** What the running test works on. */
  readonly on: () => StoreFixture;
  readonly capabilities: StoreCapabilities;
  readonly storage: StorageTraits;
  readonly options: OnlineStoreTestOptions<object>;
  /** A test that handles thousands of rows: it may take three times as long. */
  readonly slow: MochaGlobals['it'];
}

/** Defines the tests of one ability. */
export type Section = (kit: Kit) => void;
