// Runs all compiled tests (build/test) in two mocha processes side by side: most tests wait for servers and other programs more than
// they compute. What the second one says comes behind the first one's. Then come those that need the machine for themselves, in a
// process of their own. The last line sums all up: `N passed, N failed`.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Folders of test/ whose tests wait most: for processes of the product, clients in other languages, Feast. All others share a process. */
const GROUPS = [['cli', 'ingest', 'interop', 'project']];

/** Folders whose tests disturb others and are disturbed by them: the fault programme loads and stops what it serves from. */
const ALONE = ['faults'];

/** Folders whose tests need programs that take minutes to bring or build: `npm run test:container`. */
const SEPARATE = ['container'];

const root = join(import.meta.dirname, '..');
const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
const built = join(root, 'build', 'test');
const others = readdirSync(built, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && ![...GROUPS.flat(), ...ALONE, ...SEPARATE].includes(entry.name))
  .map(({ name }) => name);

const runs = await Promise.all(
  [...GROUPS, others].map((folders, index) =>
    run(folders, index === 0 ? (text) => process.stdout.write(text) : () => {}),
  ),
);
for (const { output } of runs.slice(1)) process.stdout.write(`\n${output}`);
for (const folder of ALONE) runs.push(await run([folder], (text) => process.stdout.write(text)));
const outcomes = runs.map(outcomeOf);
// Once more, so that they stand together at the end of a long log.
for (const { output } of runs) for (const [line] of output.matchAll(/^failed: .*$/gm)) console.log(line);
const [passed, failed, skipped] = [0, 1, 2].map((at) => outcomes.reduce((sum, counts) => sum + counts[at], 0));
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 ? 1 : 0;

/** Runs the tests of some folders. */
function run(folders, onOutput) {
  const specs = folders.map((name) => join(built, name, '**', '*.test.js'));
  const child = spawn(process.execPath, [mocha, ...specs], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk) => {
    output += chunk;
    onOutput(chunk);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ output, status, folders }));
  });
}

/** What its last line says. A process that ended without one, or badly while all its tests passed, is a failure itself. */
function outcomeOf({ output, status, folders }) {
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const summary = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(last);
  const [passed, failed, skipped] = [1, 2, 3].map((at) => Number(summary?.[at] ?? 0));
  if (summary !== null && (status === 0) === (failed === 0)) return [passed, failed, skipped];
  console.log(`The tests of ${folders.join(', ')} ended with status ${status}.`);
  return [passed, Math.max(1, failed), skipped];
}
