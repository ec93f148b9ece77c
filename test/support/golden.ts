import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project-root.ts';

/** Absolute path of a recorded file, by its path below `test/golden`. */
export function goldenPath(...segments: readonly string[]): string {
  return join(projectRoot, 'test', 'golden', ...segments);
}

export function readGolden(...segments: readonly string[]): Buffer {
  return readFileSync(goldenPath(...segments));
}

/** A recorded JSON file, taken to have the shape that the caller names. */
export function readGoldenJson<T>(...segments: readonly string[]): T {
  return JSON.parse(readFileSync(goldenPath(...segments), 'utf8')) as T;
}

/** A recorded file of one JSON object per line. */
export function readGoldenLines<T>(...segments: readonly string[]): readonly T[] {
  return readFileSync(goldenPath(...segments), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** Names of the folders below a recorded folder. */
export function goldenFolders(...segments: readonly string[]): readonly string[] {
  return readdirSync(goldenPath(...segments), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
