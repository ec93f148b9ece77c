// Runs the tests of the stores that STORES names, of all without it: STORES=redis,mysql npm run test:stores
// A store's tests are test/stores/<name>/, with the conformance suite among them. `--check` looks at the names and runs nothing.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', 'test', 'stores');
const built = join(import.meta.dirname, '..', 'build', 'test', 'stores');
const known = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const stores = process.env.STORES ? process.env.STORES.split(',').map((name) => name.trim()) : known;

const unknown = stores.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`STORES names ${unknown.join(', ')}: there are tests of ${known.join(', ')}.`);
  process.exit(2);
}
const untested = stores.filter((name) => !existsSync(join(folder, name, `${name}-conformance.test.ts`)));
if (untested.length > 0) {
  console.error(`There is no ${untested.map((name) => `${name}/${name}-conformance.test.ts`).join(', ')}.`);
  process.exit(2);
}
if (process.argv.includes('--check')) process.exit(0);

const root = join(import.meta.dirname, '..');
const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
if (!existsSync(mocha)) {
  console.error(
    'Nothing is installed yet: run "npm ci" first, or "make test-store-NAME", which brings the servers as well.',
  );
  process.exit(2);
}
for (const script of ['build', 'build:test']) {
  const { status } = spawnSync('npm', ['run', '--silent', script], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
const specs = stores.map((name) => join(built, name, '*.test.js'));
const { status } = spawnSync(process.execPath, [mocha, ...specs], { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
