import type { OnlineStore } from '../../src/stores/online-store.ts';

/** The same store with other methods. */
export function changedStore<Store extends OnlineStore>(store: Store, changes: Partial<OnlineStore>): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(changes, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
