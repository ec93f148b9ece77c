// Collects what the image holds beside the program: node collect-system.mjs FOLDER
// Node itself, the shared libraries that it and the native packages in node_modules load, two names in /etc/passwd, and, where the base is Debian,
// the records of the packages that the libraries come from, so that scanners know their versions.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';

const target = process.argv[2];
const app = resolve(import.meta.dirname, '..', '..');
const require = createRequire(join(app, 'package.json'));

// Loaded here, so that their libraries are among those of this process.
for (const name of ['better-sqlite3', '@duckdb/node-api']) {
  if (!existsSync(join(app, 'node_modules', name))) continue;
  const loaded = require(name);
  if (name === 'better-sqlite3') new loaded(':memory:').close();
}

const libraries = process.report
  .getReport()
  .sharedObjects.filter((path) => path.startsWith('/') && !path.startsWith(app) && existsSync(path));
for (const path of libraries) copy(path, path);
copy(process.execPath, '/usr/local/bin/node');
for (const file of ['/etc/os-release', '/usr/lib/os-release']) if (existsSync(file)) copy(file, file);

write(
  '/etc/passwd',
  'root:x:0:0:root:/root:/sbin/nologin\nsideboard:x:65532:65532:Sideboard:/var/lib/sideboard:/sbin/nologin\n',
);
write('/etc/group', 'root:x:0:\nsideboard:x:65532:\n');
write('/etc/nsswitch.conf', 'hosts: files dns\n');
for (const folder of ['/repo', '/tmp', '/var/lib/sideboard']) mkdirSync(join(target, folder), { recursive: true });
chmodSync(join(target, '/tmp'), 0o1777);
const recorded = recordPackages();
console.log(
  `collect-system: Node ${process.version}, ${libraries.length} libraries of ${recorded.join(', ') || 'unknown packages'}`,
);

/** The file itself under a name by which it is asked for; links of folders (/lib) do not come along. */
function copy(from, to) {
  const path = join(target, to);
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(realpathSync(from), path);
  chmodSync(path, 0o755);
}

function write(path, text) {
  mkdirSync(join(target, dirname(path)), { recursive: true });
  writeFileSync(join(target, path), text);
}

/** Debian's records of the packages that own the libraries, one file each, as images without dpkg have them. */
function recordPackages() {
  const info = '/var/lib/dpkg/info';
  if (!existsSync(info)) return [];
  const owned = new Set(
    libraries.flatMap((path) => [path, realpathSync(path), realpathSync(path).replace(/^\/usr/, '')]),
  );
  const owners = readdirSync(info)
    .filter(
      (file) =>
        file.endsWith('.list') &&
        readFileSync(join(info, file), 'utf8')
          .split('\n')
          .some((path) => owned.has(path)),
    )
    .map((file) => basename(file, '.list').replace(/:.*/, ''));
  const records = readFileSync('/var/lib/dpkg/status', 'utf8').split('\n\n');
  for (const name of owners) {
    const record = records.find((text) => text.startsWith(`Package: ${name}\n`));
    if (record !== undefined) write(`/var/lib/dpkg/status.d/${name}`, `${record}\n`);
  }
  return owners;
}
