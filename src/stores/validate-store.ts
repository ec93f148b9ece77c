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
const OPTIONAL_FLAGS: readonly (keyof StoreCapabilities)[] = [
  'newestOnly',
  'blockWrites',
  'atomicLoads',
  'keyOrderLoads',
  'eventTimes',
];

/** Methods that are there exactly when the store declares them. */
const ABILITIES = [
  ['readMany', 'readMany'],
  ['blockWrites', 'writeBlock'],
  ['atomicLoads', 'beginLoad'],
] as const satisfies readonly (readonly [keyof StoreCapabilities, keyof OnlineStore])[];

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
      hint: 'update, teardown, onlineWriteBatch, onlineRead, ping and close are required.',
    });
  }
  const problem = capabilityProblem(store.capabilities);
  if (problem !== undefined) {
    throw new ResolutionError('STORE_CAPABILITIES_INVALID', `${where}: capabilities${problem}.`, {
      hint: 'They hold readMany, ttl, directWrite and keepsNewest, each true or false, and feastPython.',
    });
  }
  for (const [flag, method] of ABILITIES) validateAbility(store, flag, method, where);
}

function validateAbility(
  store: OnlineStore,
  flag: (typeof ABILITIES)[number][0],
  method: (typeof ABILITIES)[number][1],
  where: string,
): void {
  const isDeclared = store.capabilities[flag] === true;
  if (isDeclared === (typeof store[method] === 'function')) return;
  throw isDeclared
    ? new ResolutionError('STORE_METHOD_MISSING', `${where} declares capabilities.${flag} and has no method ${method}.`)
    : new ResolutionError(
        'STORE_CAPABILITIES_INVALID',
        `${where} has a method ${method} and does not declare it: capabilities.${flag} is not true.`,
      );
}

function capabilityProblem(capabilities: StoreCapabilities | null | undefined): string | undefined {
  if (typeof capabilities !== 'object' || capabilities === null) return ' are missing';
  const wrong =
    FLAGS.find((flag) => typeof capabilities[flag] !== 'boolean') ??
    OPTIONAL_FLAGS.find((flag) => !['boolean', 'undefined'].includes(typeof capabilities[flag]));
  if (wrong !== undefined) return `.${wrong} is neither true nor false`;
  const { feastPython } = capabilities;
  if (typeof feastPython !== 'object' || feastPython === null) return '.feastPython is missing';
  if (!STATUSES.includes(feastPython.missingRow)) return '.feastPython.missingRow is not PRESENT or NOT_FOUND';
  if (!STATUSES.includes(feastPython.missingFeature)) return '.feastPython.missingFeature is not PRESENT or NOT_FOUND';
  if (!['row', 'epoch', 'row-if-any'].includes(feastPython.missingFeatureTime)) {
    return '.feastPython.missingFeatureTime is not row, epoch or row-if-any';
  }
  return undefined;
}
