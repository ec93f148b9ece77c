import type { FileSourceFormat } from '../../definitions/file-format.ts';
import { MaterializeError } from '../materialize-error.ts';
import type { ViewSource } from './view-source.ts';

export type SourceFormat = FileSourceFormat;

export interface SourceFile {
  /** As messages and the reject file call it: the path from the repo, or the URL. */
  readonly name: string;
  /** Where it can be read. */
  readonly path: string;
  readonly bytes: number;
}

/** The files of a source, found and not yet read. */
export interface SourceFiles {
  readonly format: SourceFormat;
  readonly bytes: number;
  /** Changes with every file that is added, removed or rewritten. */
  readonly fingerprint: string;
  /** The files as local ones, in the order of their names. */
  open(signal: AbortSignal): Promise<readonly SourceFile[]>;
}

/** The format that is declared, else the one that all names say; what says none is Parquet, which is all that Feast reads from files. */
export function formatOfFiles(names: readonly string[], { view, format: declared }: ViewSource): SourceFormat {
  if (declared !== undefined) return declared;
  const formats = new Set(names.map(formatOfName));
  const [format] = formats;
  if (format === undefined || formats.size > 1) {
    throw new MaterializeError(
      'MATERIALIZE_SOURCE_UNSUPPORTED',
      `The source of view "${view}" has files of several formats: ${[...formats].sort().join(', ')}.`,
      { hint: 'Name one of them with a pattern, such as data/*.parquet, or declare the format of the source.' },
    );
  }
  return format;
}

function formatOfName(name: string): SourceFormat {
  if (/\.csv(\.gz)?$/i.test(name)) return 'csv';
  return /\.(jsonl|ndjson)(\.gz)?$/i.test(name) ? 'jsonl' : 'parquet';
}

/** Spark and others leave markers of these names beside the files. */
export function isMarker(path: string): boolean {
  return path.split('/').some((name) => /^[._]/.test(name) && !name.startsWith('..') && name !== '.');
}

export function nothingThere(view: string, uri: string): MaterializeError {
  return new MaterializeError('MATERIALIZE_SOURCE_MISSING', `The source of view "${view}", ${uri}, has no file.`, {
    hint: 'Relative paths start at the folder of feature_store.yaml.',
  });
}
