import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../support/project-root.ts';
import type { Mutation, ProductProgram } from './row.ts';

/** The product file by file, as `npm run build:test` compiles it: what a mutation changes. */
const BUILT = join(projectRoot, 'build');

/** The product as it is shipped. @throws Error where it has not been built */
export function builtProgram(): ProductProgram {
  const main = join(projectRoot, 'dist', 'main.js');
  if (!existsSync(main)) throw new Error('the product is not built: npm run build');
  return { main };
}

export interface ChangedProgram extends ProductProgram {
  remove(): void;
}

/**
 * A copy of the compiled product with one change.
 * @throws Error where the text to replace does not stand exactly once in its file: then the product has moved on
 */
export function changedProgram({ file, find, replace }: Mutation): ChangedProgram {
  const original = readFileSync(join(BUILT, file), 'utf8');
  const times = countIn(original, find);
  if (times !== 1) throw new Error(`${file} holds ${times} times what the mutation replaces:\n${find}`);
  const folder = mkdtempSync(join(tmpdir(), 'sideboard-changed-'));
  const built = join(folder, 'build');
  cpSync(join(projectRoot, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
  for (const part of ['src', 'gen']) cpSync(join(BUILT, part), join(built, part), { recursive: true });
  writeFileSync(
    join(built, file),
    original.replace(find, () => replace),
  );
  return {
    main: join(built, 'src', 'cli', 'main.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** How often the text that a mutation replaces stands in the compiled product. */
export function timesInProduct({ file, find }: Pick<Mutation, 'file' | 'find'>): number {
  return countIn(readFileSync(join(BUILT, file), 'utf8'), find);
}

function countIn(text: string, part: string): number {
  return text.split(part).length - 1;
}
