import { readGolden } from '../support/golden.ts';

/** Recorded files of the same path in several projects, as far as they are small. */
export function goldenSeed(store: string, projects: readonly string[], ...path: readonly string[]): Buffer[] {
  return projects.map((project) => readGolden(store, project, ...path)).filter((bytes) => bytes.length < 8_000);
}
