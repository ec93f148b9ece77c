/**
 * A map that cannot be changed once it is built. Freezing a `Map` does not do that: its `set` goes on working.
 * Keeps the order of insertion; the last of several entries with one key wins.
 */
export class ImmutableMap<K, V> extends Map<K, V> {
  constructor(entries: Iterable<readonly [K, V]> = []) {
    super();
    for (const [key, value] of entries) super.set(key, value);
    Object.freeze(this);
  }

  override set(): never {
    throw immutable();
  }

  override delete(): never {
    throw immutable();
  }

  override clear(): never {
    throw immutable();
  }
}

function immutable(): TypeError {
  return new TypeError('A map of a registry snapshot cannot be changed.');
}
