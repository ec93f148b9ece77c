// Takes out of node_modules what the image does not need: node keep-packages.mjs STORES EXTRAS [FOLDER]
// What stays is the program's dependencies and the optional packages of the stores and extras that are named, in the versions of
// package-lock.json, without TypeScript, source maps, tests, sources of native code and binaries of other platforms. package.json names
// then what is there, so that `npm sbom` does.
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Packages of each value of STORES beyond the program's own. */
const STORES = {
  connector: [],
  dynamodb: ['@aws-sdk/client-dynamodb'],
  mlforge_dynamodb: ['@aws-sdk/client-dynamodb'],
  mlforge_redis: [],
  mysql: ['mysql2'],
  postgres: ['pg'],
  redis: [],
  sqlite: ['better-sqlite3'],
};
const EXTRAS = {
  duckdb: ['@duckdb/node-api'],
  gcs: ['google-auth-library'],
  otel: [
    '@opentelemetry/api',
    '@opentelemetry/exporter-trace-otlp-grpc',
    '@opentelemetry/exporter-trace-otlp-proto',
    '@opentelemetry/resources',
    '@opentelemetry/sdk-trace-base',
  ],
  s3: ['@aws-sdk/client-s3'],
};

/** Not read at run time. Folders of tests only at the top of a package, where no code that is imported stands. */
const UNUSED_FILES = /(\.[cm]?tsx?|\.map|\.test\.[cm]?js|\.tsbuildinfo|\.gyp|\.md|\.markdown|\.flow)$/i;
const LICENCE = /^(licen[cs]e|notice|copying)/i;
const UNUSED_FOLDERS = [
  'test',
  'tests',
  '__tests__',
  'docs',
  'example',
  'examples',
  'benchmark',
  'coverage',
  '.github',
];
/** SQLite's own sources, which its prebuilt binary does not need. */
const UNUSED_OF = { 'better-sqlite3': ['deps', 'src'] };

const [stores = '', extras = '', folder = '.'] = process.argv.slice(2);
const asked = [...chosen('STORES', stores, STORES), ...chosen('EXTRAS', extras, EXTRAS)];
const root = resolve(folder);
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));

const kept = closure([...Object.keys(manifest.dependencies), ...asked]);
for (const path of Object.keys(packages)) {
  if (path !== '' && !kept.has(path)) rmSync(join(root, path), { recursive: true, force: true });
}
for (const name of ['.bin', '.package-lock.json', '.cache']) {
  rmSync(join(root, 'node_modules', name), { recursive: true, force: true });
}
for (const path of kept) trim(path);
removeEmptyFolders(join(root, 'node_modules'));
describeWhatIsLeft();
console.log(`keep-packages: ${kept.size} packages stay`);

function chosen(argument, text, known) {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => name !== '' && !Object.hasOwn(known, name));
  if (unknown.length > 0) {
    console.error(`${argument} names ${unknown.join(', ')}: there are ${Object.keys(known).join(', ')}.`);
    process.exit(2);
  }
  return names.flatMap((name) => known[name] ?? []);
}

/** The packages that these need, as their folders in the lock file. */
function closure(names) {
  const found = new Set();
  const open = names.map((name) => ['', name, false]);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [holder, name, optional] = next;
    const path = installedAt(holder, name);
    if (path === undefined) {
      if (optional) continue;
      throw new Error(`${holder || 'the program'} needs ${name}, which is not installed`);
    }
    if (found.has(path)) continue;
    found.add(path);
    const {
      dependencies = {},
      optionalDependencies = {},
      peerDependencies = {},
      peerDependenciesMeta = {},
    } = packages[path];
    for (const dependency of Object.keys(dependencies)) open.push([path, dependency, false]);
    for (const dependency of Object.keys(optionalDependencies)) open.push([path, dependency, true]);
    for (const peer of Object.keys(peerDependencies))
      open.push([path, peer, peerDependenciesMeta[peer]?.optional === true]);
  }
  return found;
}

/** Where Node finds a package from another: the nearest node_modules upwards that holds it. */
function installedAt(holder, name) {
  for (let at = holder; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const path = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (packages[path] !== undefined && existsSync(join(root, path))) return path;
    if (at === '') return undefined;
  }
}

function trim(path) {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const top = join(root, path);
  for (const unused of [...UNUSED_FOLDERS, ...(UNUSED_OF[name] ?? [])]) {
    rmSync(join(top, unused), { recursive: true, force: true });
  }
  for (const file of readdirSync(top)) if (/^test(-\w+)*\.[cm]?js$/.test(file)) rmSync(join(top, file));
  trimFiles(top);
}

function trimFiles(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) {
      if (name !== 'node_modules') trimFiles(path);
    } else if ((UNUSED_FILES.test(name) && !LICENCE.test(name)) || isForeignBinary(name)) rmSync(path);
  }
}

/** better-sqlite3 brings a binary for each platform, named for it. */
function isForeignBinary(name) {
  const platform = /^(linux|linuxmusl|darwin|win32)-(x64|arm64)\.node$/.exec(name);
  if (platform === null) return false;
  const musl = process.report.getReport().header.glibcVersionRuntime === undefined;
  const own = process.platform === 'linux' && musl ? 'linuxmusl' : process.platform;
  return platform[1] !== own || platform[2] !== process.arch;
}

function removeEmptyFolders(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  }
  if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true });
}

function describeWhatIsLeft() {
  const { name, version, description, license, type, engines, bin, exports, dependencies } = manifest;
  const added = asked.map((sdk) => [sdk, packages[`node_modules/${sdk}`].version]);
  const all = { ...dependencies, ...Object.fromEntries(added) };
  const left = { name, version, description, license, type, engines, bin, exports, dependencies: all };
  writeFileSync(join(root, 'package.json'), `${JSON.stringify(left, undefined, 2)}\n`);
}
