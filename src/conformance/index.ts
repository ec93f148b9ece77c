/**
 * The conformance suite for online stores, for mocha.
 *
 *     import { testOnlineStore } from 'sideboard/conformance';
 */

export {
  type OnlineStoreTestOptions,
  type StorageTraits,
  type StoreConfig,
  type ValueArm,
  wholeStorage,
} from './options.ts';
export { testOnlineStore } from './test-online-store.ts';
