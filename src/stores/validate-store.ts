import type { OnlineStore, StoreCapabilities } from './online-store.ts';
import { ResolutionError } from './resolution-error.ts';

const METHODS: readonly (keyof OnlineStore)[] = [
  'update',
  'teardown',
  'onlineWriteBatch',
  'onlineRead',
  'ping',
  'close',
];

const FLAGS: readonly (keyof StoreCapabilities)[] = ['readMany', 'ttl', 'directWrite', 'keepsNewest'];

const STATUSES: readonly unknown[] = ['PRESENT', 'NOT_FOUND'];

/**
 * Checks that an object made from a user's class can be used as a store.
 * @throws ResolutionError `STORE_METHOD_MISSING`, `STORE_CAPABILITIES_INVALID`
 */
export function validateStore(store: OnlineStore, type: string): void {
  const where = `online_store type "${type}"`;
  const missing = METHODS.filter((name) => typeof store[name] !== 'function');
  if (missing.length > 0) {
    throw new ResolutionError('STORE_METHOD_MISSING', `${where} does not implement ${missing.join(', ')}.`, {
      hint: 'Every method of OnlineStore but readMany is required.',
    });
  }
  const problem = capabilityProblem(store.capabilities);
  if (problem !== undefined) {
    throw new ResolutionError('STORE_CAPABILITIES_INVALID', `${where}: capabilities${problem}.`, {
      hint: 'They hold readMany, ttl, directWrite and keepsNewest, each true or false, and feastPython.',
    });
  }
  const hasReadMany = typeof store.readMany === 'function';
  if (store.capabilities.readMany && !hasReadMany) {
    throw new ResolutionError(
      'STORE_METHOD_MISSING',
      `${where} declares capabilities.readMany and has no method readMany.`,
    );
  }
  if (!store.capabilities.readMany && hasReadMany) {
    throw new ResolutionError(
      'STORE_CAPABILITIES_INVALID',
      `${where} has a method readMany and does not declare it: capabilities.readMany is false.`,
    );
  }
}

function capabilityProblem(capabilities: StoreCapabilities | null | undefined): string | undefined {
  if (typeof capabilities !== 'object' || capabilities === null) return ' are missing';
  const wrong = FLAGS.find((flag) => typeof capabilities[flag] !== 'boolean');
  if (wrong !== undefined) return `.${wrong} is neither true nor false`;
  const { eventTimes, feastPython } = capabilities;
  if (eventTimes !== undefined && typeof eventTimes !== 'boolean') return '.eventTimes is neither true nor false';
  if (typeof feastPython !== 'object' || feastPython === null) return '.feastPython is missing';
  if (!STATUSES.includes(feastPython.missingRow)) return '.feastPython.missingRow is not PRESENT or NOT_FOUND';
  if (!STATUSES.includes(feastPython.missingFeature)) return '.feastPython.missingFeature is not PRESENT or NOT_FOUND';
  if (!['row', 'epoch', 'row-if-any'].includes(feastPython.missingFeatureTime)) {
    return '.feastPython.missingFeatureTime is not row, epoch or row-if-any';
  }
  return undefined;
}
