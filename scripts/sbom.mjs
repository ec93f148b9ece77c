// Prints the bill of materials of what `npm install sideboard` brings, in CycloneDX: npm run --silent sbom > sideboard.cdx.json
// `npm sbom --omit dev` would leave out what a development dependency and a dependency share, so npm is shown a manifest without the
// former. An image has a bill of its own, /app/sbom.cdx.json, which names the SDKs that were asked for too.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
for (const described of [manifest, lock.packages['']]) {
  for (const part of ['devDependencies', 'peerDependencies', 'peerDependenciesMeta']) delete described[part];
}
for (const [path, { dev }] of Object.entries(lock.packages)) if (dev === true) delete lock.packages[path];

const parent = mkdtempSync(join(tmpdir(), 'sideboard-sbom-'));
// npm names the whole by its folder.
const folder = join(parent, manifest.name);
try {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
  const args = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', '--sbom-type', 'application'];
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
  process.exitCode = status ?? 1;
} finally {
  rmSync(parent, { recursive: true, force: true });
}
