import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';

/** A Feast repo in a folder of its own, which a test may change. */
export interface FeatureRepo {
  readonly path: string;
  remove(): void;
}

export interface FeatureRepoSource {
  /** The `feature_store.yaml` to start from. */
  readonly config: string;
  /** File in the repo to the file that is copied there. */
  readonly files: Readonly<Record<string, string>>;
  /** Top-level sections that replace those of the file, or are added to it. */
  readonly sections?: Readonly<Record<string, unknown>>;
}

/** Lays a repo out in a temporary folder. */
export function createFeatureRepo(source: FeatureRepoSource): FeatureRepo {
  const path = mkdtempSync(join(tmpdir(), 'sideboard-repo-'));
  for (const [target, from] of Object.entries(source.files)) {
    mkdirSync(dirname(join(path, target)), { recursive: true });
    cpSync(from, join(path, target));
  }
  const config = { ...(parse(readFileSync(source.config, 'utf8')) as object), ...source.sections };
  writeFileSync(join(path, 'feature_store.yaml'), stringify(config));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
