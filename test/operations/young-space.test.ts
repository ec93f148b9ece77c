import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

const FROM_SOURCE = import.meta.url.endsWith('.ts');
const MODULE = new URL(`../../src/operations/young-space.${FROM_SOURCE ? 'ts' : 'js'}`, import.meta.url).href;

/** Keeps 24 MB of small objects under the hold, then as many without it, and says how large the space was in between. */
const SCRIPT = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { holdYoungSpace } from ${JSON.stringify(MODULE)};
  const young = () => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size / 2 ** 20;
  const kept = [];
  const fill = () => { for (let n = 0; n < 400_000; n++) kept.push({ n, twice: [n, n] }); };
  const before = young();
  const letGrow = holdYoungSpace();
  fill();
  const held = young();
  letGrow();
  letGrow();
  fill();
  console.log(JSON.stringify({ before, held, after: young() }));
`;

describe('the space for young objects', () => {
  it('does not grow while it is held, and grows again afterwards', () => {
    const loader = FROM_SOURCE ? ['--import', 'tsx'] : [];
    const args = [...loader, '--max-semi-space-size=16', '--input-type=module', '--eval', SCRIPT];
    const text = execFileSync(process.execPath, args, { encoding: 'utf8' });
    const { before, held, after } = JSON.parse(text) as { before: number; held: number; after: number };
    // The second half of the space is only taken with the first collection.
    assert.ok(held <= 2 * before, `${before} MB before, ${held} MB while held`);
    assert.ok(after >= 2 * held, `${held} MB while held, ${after} MB afterwards`);
  });
});
