import { Roster, type RosterMember } from '../../src/encoding/roster.ts';
import type { CallWithLoad } from '../support/old-space.ts';

const roster = new Roster<RosterMember>();
const present: RosterMember[] = [];

/** Adds a member and takes out the one before twenty others. */
export const call: CallWithLoad = (load, n) => {
  const member = { place: -1, load };
  roster.add(member);
  const gone = present[n % 20];
  present[n % 20] = member;
  if (gone !== undefined) roster.delete(gone);
};
