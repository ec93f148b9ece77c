import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { heapWarning } from '../../src/registry/heap-warning.ts';

const MB = 1024 * 1024;
/** As this file itself is run: from its source or compiled. */
const ENDING = import.meta.url.slice(-3);
const MODULE = new URL(`../../src/registry/registry-load${ENDING}`, import.meta.url).href;
/** A registry of project `p` (field 17, its spec, its name), and a field of 5 MB that this release does not know. */
const SCRIPT = `
  const { snapshotFromBytes } = await import(${JSON.stringify(MODULE)});
  const more = Buffer.alloc(5 * ${MB});
  const bytes = Buffer.concat([Buffer.from('8a01050a030a0170c23e8080c002', 'hex'), more]);
  const warn = (message) => console.log('warned: ' + message);
  const snapshot = await snapshotFromBytes(bytes, 1, { source: { describe: () => 'registry' }, project: 'p', warn });
  console.log(snapshot.project);
`;

describe('a registry for which the heap may be too small', () => {
  it('is named with what it needs, what there is, and what to raise', () => {
    const said = heapWarning(12 * MB, 'registry file registry.db', 177 * MB) ?? '';
    assert.match(said, /registry\.db has 12 MB\. .* 265 MB of heap, .* has 177 MB: .*--max-old-space-size/);
    assert.equal(heapWarning(6 * MB, 'registry file registry.db', 177 * MB), undefined);
  });

  it('is warned of before it is parsed, by the limit that the process was started with', function () {
    this.timeout(30_000);
    const options = ENDING === '.ts' ? ['--import', 'tsx/esm'] : [];
    const outputOf = (heap: number): string => {
      const args = [...options, `--max-old-space-size=${heap}`, '--input-type=module', '--eval', SCRIPT];
      const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      return stdout + stderr;
    };
    assert.match(outputOf(60), /^warned: The registry has 6 MB\. .*\np\n$/);
    assert.equal(outputOf(512), 'p\n');
  });
});
