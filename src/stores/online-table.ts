import type { FeatureViewSpec, RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { OnlineEntity, OnlineTable } from './online-store.ts';

/** The name under which a store keeps a version of a view: Feast's own, the view's name and `_vN` for N > 0. */
export function onlineTableName(viewName: string, version: number): string {
  return version > 0 ? `${viewName}_v${version}` : viewName;
}

/**
 * A view as a store sees it. `version` picks the table alone; the schema is that of `view`, which for an earlier version is
 * one of `FeatureViewSpec.versions`.
 *
 * It has no default on purpose. The registry counts versions whether or not
 * `registry.enable_online_feature_view_versioning` is set, and without it every version of a view is stored in table 0.
 */
export function onlineTableFromView(view: FeatureViewSpec, project: string, version: number): OnlineTable {
  return {
    project,
    name: onlineTableName(view.name, version),
    joinKeys: view.joinKeys.map((key) => key.name),
    features: view.features.map(({ name, valueType }) => ({ name, valueType })),
    ...(Object.keys(view.tags).length > 0 && { tags: view.tags }),
  };
}

export interface SnapshotTablesOptions {
  /** `registry.enable_online_feature_view_versioning`: each version has a table of its own. */
  readonly versioned: boolean;
}

/**
 * Every table that the store must have for this registry: of feature, stream and label views that are online, and of
 * on-demand views that are written to the online store. Where views are versioned, table 0 and one per version.
 */
export function onlineTablesOfSnapshot(
  snapshot: RegistrySnapshot,
  options: SnapshotTablesOptions,
): readonly OnlineTable[] {
  const tables: OnlineTable[] = [];
  for (const view of snapshot.views.values()) {
    if (!view.online) continue;
    if (!options.versioned) {
      tables.push(onlineTableFromView(view, snapshot.project, 0));
      continue;
    }
    const versions = new Map([[0, view], ...view.versions, [view.currentVersion, view]]);
    for (const [version, schema] of versions) tables.push(onlineTableFromView(schema, snapshot.project, version));
  }
  return tables;
}

/** Every entity of the registry, `__dummy` for views without one included. */
export function onlineEntitiesOfSnapshot(snapshot: RegistrySnapshot): readonly OnlineEntity[] {
  return [...snapshot.entities.values()].map(({ name, joinKey, valueType }) => ({ name, joinKey, valueType }));
}
