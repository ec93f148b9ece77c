// Builds dist/: the program and what its package exports as few files, and the declarations of the latter.
//
// Node takes a good quarter of a millisecond for each module that it finds, reads and links, and a process that serves would load five
// hundred: bundled it starts in two thirds of the time (docs/architecture.md). All entries are bundled together, so that what two of
// them use is one module: a store of a user's and the program share the classes of sideboard/stores. All files are beside each other:
// a module finds the entry of its thread there, wherever it has gone.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { rollup } from 'rollup';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');
/** What the compiler makes of src/ and gen/; its declarations go to dist/. */
const compiled = join(root, '.cache', 'dist');

const ENTRIES = {
  main: 'src/cli/main.js',
  stores: 'src/stores/index.js',
  conformance: 'src/conformance/index.js',
  'sqlite-load-thread': 'src/stores/sqlite/sqlite-load-thread.js',
  'sqlite-read-thread': 'src/stores/sqlite/sqlite-read-thread.js',
};

/** Packages of many small modules that every process loads, and where they keep their ES modules. All others stay where npm puts them. */
const BUNDLED = {
  '@bufbuild/protobuf': 'dist/esm',
  yaml: 'browser/dist',
  zod: '.',
};

process.exitCode = await build();

async function build() {
  const written = compile();
  if (written === undefined) return 1;
  const bundle = await rollup({
    input: Object.fromEntries(Object.entries(ENTRIES).map(([name, file]) => [name, join(compiled, file)])),
    plugins: [{ name: 'sideboard', resolveId, load }],
    onLog,
  });
  const { output } = await bundle.write({
    dir: dist,
    format: 'es',
    chunkFileNames: '[name]-[hash].js',
    generatedCode: 'es2015',
    // Else every file would import whatever the files that it imports do.
    hoistTransitiveImports: false,
    sourcemap: true,
    sourcemapExcludeSources: true,
  });
  await bundle.close();
  const notices = join(dist, 'THIRD_PARTY_NOTICES.txt');
  writeFileSync(notices, noticesOf(bundle.watchFiles));
  // Not before: what runs from dist/ may still import.
  removeOthers(dist, new Set([...written, ...output.map(({ fileName }) => join(dist, fileName)), notices]));
  chmodSync(join(dist, 'main.js'), 0o755);
  return 0;
}

/** @returns the files that were written; nothing where the compiler has found an error, which it has said then */
function compile() {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const options = ['-p', join(root, 'tsconfig.build.json'), '--listEmittedFiles'];
  let output;
  try {
    output = execFileSync(process.execPath, [tsc, ...options], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  } catch (error) {
    process.stderr.write(String(error.stdout ?? error).replace(/^TSFILE: .*\n/gm, ''));
    return undefined;
  }
  const emitted = [...output.matchAll(/^TSFILE: (.+)$/gm)].map(([, file]) => resolve(root, file));
  if (emitted.length === 0) throw new Error('the compiler names no file that it has written');
  return emitted;
}

/** Modules of Sideboard's and of the bundled packages; whatever else is imported stays an import. */
function resolveId(specifier, importer) {
  if (/^[./]/.test(specifier)) return null;
  for (const [name, folder] of Object.entries(BUNDLED)) {
    if (specifier !== name && !specifier.startsWith(`${name}/`)) continue;
    const file = join(root, 'node_modules', name, folder, specifier.slice(name.length));
    const found = [file, `${file}.js`, join(file, 'index.js')].find((each) => /\.js$/.test(each) && existsSync(each));
    if (found === undefined)
      throw new Error(`${specifier}, which ${importer} imports, is not in ${folder} of its package`);
    return found;
  }
  return { id: specifier, external: true };
}

/** With the map that leads from what the compiler has made to the sources. */
function load(file) {
  if (!file.startsWith(compiled)) return null;
  return { code: readFileSync(file, 'utf8'), map: readFileSync(`${file}.map`, 'utf8') };
}

/** What the bundler finds strange is an error, but in what others have written, and in the compiler's helpers. */
function onLog(level, log) {
  const isOurs = !(log.id ?? log.ids?.[0] ?? '').includes('node_modules');
  if (level === 'warn' && isOurs && log.code !== 'THIS_IS_UNDEFINED') throw new Error(log.message);
}

/** The licences of the packages that are bundled, and whatever else their files say about copyright. */
function noticesOf(inputs) {
  const parts = Object.keys(BUNDLED).map((name) => {
    const folder = join(root, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const texts = readdirSync(folder)
      .filter((file) => /^(licen[cs]e|notice)/i.test(file))
      .map((file) => readFileSync(join(folder, file), 'utf8').trim());
    for (const input of inputs.filter((each) => each.includes(`/node_modules/${name}/`))) {
      const head = /^(?:\/\/.*\n)+/
        .exec(readFileSync(input, 'utf8'))?.[0]
        .replace(/^\/\/ ?/gm, '')
        .trim();
      if (head !== undefined && /copyright/i.test(head) && !texts.includes(head)) texts.push(head);
    }
    if (texts.length === 0) throw new Error(`${name} says nothing about its licence`);
    return [`${name} ${version} (${license})`, ...texts].join('\n\n');
  });
  return `These packages are part of the files beside this one.\n\n${parts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

function removeOthers(folder, kept) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) removeOthers(path, kept);
    else if (!kept.has(path)) rmSync(path);
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}
