import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../support/project-root.ts';

interface Packages {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  /** For builds of one platform. */
  readonly os?: readonly string[];
  readonly hasInstallScript?: boolean;
}

const read = (file: string): string => readFileSync(join(projectRoot, file), 'utf8');
const manifest: Packages & { allowScripts: Readonly<Record<string, boolean>> } = JSON.parse(read('package.json'));
const locked: Readonly<Record<string, Packages | undefined>> = JSON.parse(read('package-lock.json')).packages;

describe('the dependencies in docs/architecture.md', () => {
  const section = read('docs/architecture.md').split('\n## Dependencies\n')[1]?.split('\n## ')[0] ?? '';
  const tables = section.split('\n\n').flatMap((block) => {
    const rows = block.split('\n').filter((line) => line.startsWith('| `'));
    return rows.length > 0
      ? [
          rows.map((line) =>
            line
              .split('|')
              .slice(1, -1)
              .map((cell) => cell.trim()),
          ),
        ]
      : [];
  });
  const namesIn = (table: readonly (readonly string[])[] | undefined) =>
    table?.map(([name]) => name?.replaceAll('`', '')).sort();

  it('are those of package.json, each in the table of its kind', () => {
    const peers = Object.keys(manifest.peerDependencies ?? {});
    const development = Object.keys(manifest.devDependencies ?? {}).filter((name) => !peers.includes(name));
    assert.deepEqual(
      tables.map(namesIn),
      [
        Object.keys(manifest.dependencies ?? {}),
        Object.keys(manifest.optionalDependencies ?? {}),
        peers,
        development,
      ].map((names) => names.sort()),
    );
  });

  it('each say why, and who keeps them', () => {
    for (const cells of tables.flat())
      assert.ok(
        cells.every((cell) => cell.length > 0),
        cells.join(' | '),
      );
  });

  it('bring along as many packages as package-lock.json says', () => {
    for (const [name = '', , packages] of tables.slice(0, 3).flat()) {
      assert.equal(Number(packages), broughtAlong(name.replaceAll('`', '')), name);
    }
  });

  it('run no script when they are installed, but the one that compiles SQLite', () => {
    const allowed = Object.entries(manifest.allowScripts).filter(([, isAllowed]) => isAllowed);
    assert.deepEqual(allowed, [['better-sqlite3', true]]);
    const scripted = Object.entries(locked).flatMap(([path, each]) => (each?.hasInstallScript === true ? [path] : []));
    const names = scripted.map((path) => path.replace(/^.*node_modules\//, '').replace('-node20', ''));
    // Those of one platform (fsevents) and of no platform alike are asked about by npm.
    assert.deepEqual(
      [...new Set(names)].filter((name) => manifest.allowScripts[name] === undefined && name !== 'fsevents'),
      [],
    );
  });
});

/** How many packages a package brings along, builds for single platforms apart. */
function broughtAlong(name: string): number {
  const seen = new Set<string>();
  const waiting = [placeOf('', name)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const each = locked[path];
    if (each === undefined || each.os !== undefined || seen.has(path)) continue;
    seen.add(path);
    for (const inner of Object.keys({ ...each.dependencies, ...each.optionalDependencies })) {
      const place = placeOf(path, inner);
      if (place !== '') waiting.push(place);
    }
  }
  return seen.size - 1;
}

/** Where Node finds a package from another one; empty where it is not locked. */
function placeOf(from: string, name: string): string {
  const place = (folder: string): string => `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
  let folder = from;
  while (folder !== '' && locked[place(folder)] === undefined) {
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')));
  }
  return locked[place(folder)] === undefined ? '' : place(folder);
}
