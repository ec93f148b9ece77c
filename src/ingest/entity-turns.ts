/** Has those wait for one another who work on the same entities. */
export class EntityTurns {
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Takes a place behind everyone who asked before for one of these entities. All places are taken at once, so that nobody waits in
   * a circle.
   */
  take(ids: ReadonlySet<string>): EntityTurn {
    const before = new Set<Promise<void>>();
    for (const id of ids) {
      const last = this.#last.get(id);
      if (last !== undefined) before.add(last);
    }
    const come = before.size === 0 ? Promise.resolve() : Promise.all(before).then(() => {});
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    // Whoever leaves early still holds his place until those before him are through.
    const through = Promise.all([come, ended]).then(() => {
      for (const id of ids) if (this.#last.get(id) === through) this.#last.delete(id);
    });
    for (const id of ids) this.#last.set(id, through);
    return { come, end };
  }
}

export interface EntityTurn {
  /** Resolves when it is this one's turn. */
  readonly come: Promise<void>;
  /** Lets the next ones go, once the turn has come and is over, or given up. */
  readonly end: () => void;
}
