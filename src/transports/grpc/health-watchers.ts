/** One who is told of changes. */
export interface HealthWatcher {
  /** Stands for the connection it came by. */
  readonly connection: unknown;
  /** Somebody else has its place: it is to end. */
  isDisplaced: boolean;
  /** Lets it look what has changed. */
  wake(): void;
}

/**
 * Those who watch, up to a number. When it is reached, a connection that has fewer watches than another one takes a place of that
 * one: however many a client opens, it does not keep those out that need one.
 */
export class HealthWatchers {
  readonly #max: number;
  readonly #byConnection = new Map<unknown, Set<HealthWatcher>>();
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns whether there was room for it */
  add(watcher: HealthWatcher): boolean {
    if (this.#size >= this.#max && !this.#makeRoomFor(watcher.connection)) return false;
    const own = this.#byConnection.get(watcher.connection) ?? new Set();
    this.#byConnection.set(watcher.connection, own.add(watcher));
    this.#size++;
    return true;
  }

  /** Also one that has been displaced, or is not there. */
  delete(watcher: HealthWatcher): void {
    const own = this.#byConnection.get(watcher.connection);
    if (own?.delete(watcher) !== true) return;
    if (own.size === 0) this.#byConnection.delete(watcher.connection);
    this.#size--;
  }

  *all(): Iterable<HealthWatcher> {
    for (const watchers of this.#byConnection.values()) yield* watchers;
  }

  /** The connection with the most watches gives its oldest up, where it keeps as many as the one that asks will have. */
  #makeRoomFor(connection: unknown): boolean {
    let most: ReadonlySet<HealthWatcher> = new Set();
    for (const watchers of this.#byConnection.values()) if (watchers.size > most.size) most = watchers;
    const own = this.#byConnection.get(connection)?.size ?? 0;
    const [oldest] = most;
    if (oldest === undefined || most.size <= own + 1) return false;
    this.delete(oldest);
    oldest.isDisplaced = true;
    oldest.wake();
    return true;
  }
}
