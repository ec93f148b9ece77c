/** What can stand in a {@link Roster}; in one at a time. */
export interface RosterMember {
  /** Where it stands, -1 while it stands in none. Kept by the roster. */
  place: number;
}

/**
 * A set, in no order, of what comes and goes all the time: calls under way, streams, connections.
 *
 * V8's own sets and maps are not made for that. Each time one has seen as many members go as it has places it moves to a new table, and
 * the old table keeps its members and points to the new one. Once such a table lies in the old space, as after every full collection,
 * nothing but the next full collection finds out that it is garbage: until then it keeps the next table, that one the one behind it, and they
 * together about half of all that was ever added, which is moved to the old space too. An array has no such trail.
 */
export class Roster<Member extends RosterMember> implements Iterable<Member> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** Nothing happens where it is in already. */
  add(member: Member): void {
    if (member.place < 0) member.place = this.#members.push(member) - 1;
  }

  /** Nothing happens where it is not in. */
  delete(member: Member): void {
    const { place } = member;
    if (place < 0) return;
    const last = this.#members.pop();
    if (last !== undefined && last !== member) {
      this.#members[place] = last;
      last.place = place;
    }
    member.place = -1;
  }

  /** The latest of those that fit, more or less: it is looked for from the end. */
  find(fits: (member: Member) => boolean): Member | undefined {
    for (let place = this.#members.length - 1; place >= 0; place--) {
      const member = this.#members[place] as Member;
      if (fits(member)) return member;
    }
    return undefined;
  }

  /** Those that are in now, whatever happens to them meanwhile. */
  [Symbol.iterator](): ArrayIterator<Member> {
    return this.#members.slice().values();
  }
}
