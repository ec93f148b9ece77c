/**
 * Test file of the mocha process that mutations.test.ts starts: the suite on the correct store, and on every mutation of it.
 */
import { testOnlineStore } from '../../src/conformance/index.ts';
import type { OnlineStore, StoreContext } from '../../src/stores/online-store.ts';
import { StoreError } from '../../src/stores/store-error.ts';
import { changedStore } from '../support/changed-store.ts';
import { type MemoryConfig, MemoryOnlineStore, memoryCapabilities } from './memory-online-store.ts';
import type { Mutation } from './mutation.ts';
import { mutations } from './mutations.ts';

const correct: Omit<Mutation, 'caughtBy'>[] = [
  { name: 'nothing wrong', mutate: () => ({}) },
  {
    name: 'nothing wrong, with everything declared',
    config: { keepsNewest: true, loads: true, ttlSeconds: 1 },
    mutate: () => ({}),
  },
  { name: 'nothing wrong with loads', config: { loads: true }, mutate: () => ({}) },
  { name: 'nothing wrong with a mirror', mirror: true, mutate: () => ({}) },
];

for (const mutation of [...correct, ...mutations]) {
  const settings = { keepsNewest: false, ttlSeconds: undefined, ...mutation.config };
  const configWith =
    (changes: Partial<MemoryConfig>) =>
    (context: StoreContext): MemoryConfig => {
      return { name: context.repoPath, down: false, ...settings, ttlSeconds: settings.ttlSeconds && 600, ...changes };
    };
  const isMirror = mutation.mirror === true;
  testOnlineStore({
    name: mutation.name,
    config: configWith({}),
    create: (config) => {
      const store = new MemoryOnlineStore(config);
      return changedStore(isMirror ? changedStore(store, mirrored(store)) : store, mutation.mutate(store));
    },
    capabilities: { ...memoryCapabilities(settings), directWrite: !isMirror },
    ...(isMirror && { writer: (config: MemoryConfig) => new MemoryOnlineStore(config) }),
    ...(settings.ttlSeconds !== undefined && { expiring: { config: configWith({ ttlSeconds: 1 }), seconds: 1 } }),
    unreachable: configWith({ down: true }),
  });
}

/** What makes it a store that takes no writes. */
function mirrored(store: MemoryOnlineStore): Partial<OnlineStore> {
  const refuse = async (): Promise<never> => {
    throw new StoreError('STORE_UNSUPPORTED', 'Another system writes what is read here.');
  };
  const capabilities = { ...store.capabilities, directWrite: false };
  return { capabilities, onlineWriteBatch: refuse, update: refuse, teardown: refuse };
}
