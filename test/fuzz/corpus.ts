import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../support/project-root.ts';

export interface CorpusInput {
  /** `seed-NN` for valid inputs, `found-HASH` for what once broke a parser. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** The saved inputs of a parser. */
export function readCorpus(parser: string): readonly CorpusInput[] {
  const folder = folderOf(parser);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}

/** Keeps an input that broke a parser. @returns its name */
export function saveFound(parser: string, bytes: Uint8Array): string {
  const name = `found-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`;
  mkdirSync(folderOf(parser), { recursive: true });
  writeFileSync(join(folderOf(parser), name), bytes);
  return name;
}

/** Puts valid inputs in the place of those that are there. */
export function writeSeeds(parser: string, seeds: readonly Uint8Array[]): void {
  const folder = folderOf(parser);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (name.startsWith('seed-')) rmSync(join(folder, name));
  for (const [index, bytes] of seeds.entries()) {
    writeFileSync(join(folder, `seed-${String(index).padStart(2, '0')}`), bytes);
  }
}

/** Folders of the corpus. git leaves empty ones behind. */
export function corpusFolders(): readonly string[] {
  const names = readdirSync(join(projectRoot, 'test', 'fuzz', 'corpus')).sort();
  return names.filter((name) => readCorpus(name).length > 0);
}

function folderOf(parser: string): string {
  return join(projectRoot, 'test', 'fuzz', 'corpus', parser);
}
