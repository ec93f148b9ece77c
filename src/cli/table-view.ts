import type { FeatureViewSpec, RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { OnlineTable } from '../stores/online-store.ts';

/** The view that a table belongs to, of whichever version. */
export function tableView(table: OnlineTable, registry: RegistrySnapshot): FeatureViewSpec | undefined {
  return registry.views.get(table.name) ?? registry.views.get(table.name.replace(/_v\d+$/, ''));
}
