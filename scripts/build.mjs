// Compiles to dist/ and removes what the compiler has not written this time. Files that stay are written over and never missing
// for long: a server that runs from dist/ can go on importing.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');

process.exitCode = build();

function build() {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  let output;
  try {
    output = execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--listEmittedFiles'], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  } catch (error) {
    process.stderr.write(String(error.stdout ?? error).replace(/^TSFILE: .*\n/gm, ''));
    return 1;
  }
  const emitted = new Set([...output.matchAll(/^TSFILE: (.+)$/gm)].map(([, file]) => resolve(root, file)));
  if (emitted.size === 0) throw new Error('the compiler names no file that it has written');
  removeOthers(dist, emitted);
  chmodSync(join(dist, 'src', 'cli', 'main.js'), 0o755);
  return 0;
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
