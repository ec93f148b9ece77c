import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { CallOptions, OnlineStore, OnlineTable } from '../stores/online-store.ts';
import { onlineTablesOfSnapshot } from '../stores/online-table.ts';
import { StoreError } from '../stores/store-error.ts';

/** What a project has in its online store, and what it should have. */
export interface StorePlan {
  /** What the registry's views need. */
  readonly wanted: readonly OnlineTable[];
  /** Belongs to the project and to no view of its registry any more. */
  readonly leftOver: readonly OnlineTable[];
  /** Names of the tables that are there; `undefined` where the store has no tables of its own, or may not list them. */
  readonly present: ReadonlySet<string> | undefined;
}

export interface StorePlanOptions {
  readonly store: OnlineStore;
  readonly registry: RegistrySnapshot;
  /** An earlier registry of the same project: what it had and `registry` has not is left over. */
  readonly previous?: RegistrySnapshot;
  /** `registry.enable_online_feature_view_versioning`. */
  readonly versioned: boolean;
  readonly deadline?: number;
}

/**
 * Who may not list tables may still make and remove them: then it is as if the store had none of its own, and the store says
 * which permission is missing.
 * @throws StoreError when the store cannot list its tables for another reason
 */
export async function planStore(options: StorePlanOptions): Promise<StorePlan> {
  const { store, registry, previous, versioned } = options;
  const { project } = registry;
  const call = options.deadline === undefined ? {} : { deadline: options.deadline };
  const names = await listTables(store, project, call);
  const isOwned = ownershipOf(registry);
  const leftOver = new Map<string, OnlineTable>();
  for (const name of names ?? []) {
    if (!isOwned(name)) leftOver.set(name, { project, name, joinKeys: [], features: [] });
  }
  for (const table of previous === undefined ? [] : tablesOfEveryVersion(previous)) {
    // Where the store lists its tables, one that it does not list is gone already.
    if (!isOwned(table.name) && (names === undefined || names.includes(table.name))) leftOver.set(table.name, table);
  }
  return {
    wanted: onlineTablesOfSnapshot(registry, { versioned }),
    leftOver: [...leftOver.values()],
    present: names === undefined ? undefined : new Set(names),
  };
}

async function listTables(
  store: OnlineStore,
  project: string,
  call: CallOptions,
): Promise<readonly string[] | undefined> {
  try {
    return await store.listTables?.(project, call);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'STORE_PERMISSION_DENIED') return undefined;
    throw error;
  }
}

/** Tables of every version of every view, whether or not versions are in use: a switch may have been turned since. */
export function tablesOfEveryVersion(registry: RegistrySnapshot): readonly OnlineTable[] {
  return onlineTablesOfSnapshot(registry, { versioned: true });
}

/**
 * Whether a table belongs to what the registry holds now: to a view of the project, online or not, to one of its versions, to
 * a service's pre-computed vectors, or to another project whose name begins with this project's name and an underscore.
 */
function ownershipOf(registry: RegistrySnapshot): (table: string) => boolean {
  const names = new Set([
    ...registry.views.keys(),
    ...tablesOfEveryVersion(registry).map((table) => table.name),
    ...[...registry.services.keys()].map((service) => `__precomputed__${service}`),
  ]);
  const others = registry.projects
    .filter((other) => other.startsWith(`${registry.project}_`))
    .map((other) => `${other.slice(registry.project.length + 1)}_`);
  return (table) => names.has(table) || others.some((prefix) => table.startsWith(prefix));
}
