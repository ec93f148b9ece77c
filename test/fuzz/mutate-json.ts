import type { SeededRandom } from '../support/seeded-random.ts';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const OTHERS: readonly Json[] = [null, true, 0, -1, 1e300, '', 'x', '2026-01-10', [], {}, [null], { S: null }];

/**
 * Changes one place of a JSON text, or of one of its lines: another kind of value, a member left out, doubled or of another name, an
 * element more. Nothing where the text is not JSON.
 */
export function mutateJson(random: SeededRandom, bytes: Buffer): Buffer | undefined {
  const lines = bytes.toString('utf8').split('\n');
  const at = random(lines.length);
  try {
    const changed = change(random, JSON.parse(lines[at] ?? '') as Json);
    lines[at] = JSON.stringify(changed);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
  return Buffer.from(lines.join('\n'));
}

function change(random: SeededRandom, json: Json): Json {
  if (json === null || typeof json !== 'object' || random(5) === 0) return OTHERS[random(OTHERS.length)] ?? null;
  if (Array.isArray(json)) {
    const copy = [...json];
    const at = random(copy.length + 1);
    const kind = random(4);
    if (at === copy.length || kind === 0) copy.splice(at, 0, OTHERS[random(OTHERS.length)] ?? null);
    else if (kind === 1) copy.splice(at, 1);
    else copy[at] = change(random, copy[at] ?? null);
    return copy;
  }
  const members = Object.entries(json);
  const at = random(members.length);
  const [name, value] = members[at] ?? ['x', null];
  switch (random(6)) {
    case 0:
      members.splice(at, 1);
      break;
    case 1:
      members.push([`${name}${random(3) === 0 ? '\0' : 'x'}`, value]);
      break;
    default:
      members[at] = [name, change(random, value)];
  }
  return Object.fromEntries(members);
}
