import type { DataSource } from '../../gen/feast/core/DataSource_pb.ts';

export const fileFormats = ['parquet', 'csv', 'jsonl'] as const;
export type FileSourceFormat = (typeof fileFormats)[number];

/**
 * The tag of a file source under which a registry keeps a format that Feast has no message for: `csv` or `jsonl`. Feast knows
 * Parquet and Delta tables.
 */
export const fileFormatTag = 'sideboard:file_format';

/** What the ends of files' names say, with or without compression behind them. */
const FORMAT_OF_ENDING: Readonly<Record<string, FileSourceFormat>> = {
  parquet: 'parquet',
  csv: 'csv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
};

/**
 * The format of a file source's files: as its definition says, else as the path ends, else Parquet, as Feast takes it to be.
 * @returns `delta` for a Delta table
 */
export function fileFormatOfSource(source: DataSource): FileSourceFormat | 'delta' {
  const tag = source.tags[fileFormatTag];
  const named = fileFormats.find((format) => format === tag);
  if (named !== undefined) return named;
  if (source.options.case !== 'fileOptions') return 'parquet';
  const { fileFormat, uri } = source.options.value;
  if (fileFormat?.format.case === 'parquetFormat') return 'parquet';
  if (fileFormat?.format.case === 'deltaFormat') return 'delta';
  const [, ending = ''] = /\.([a-z]+)(?:\.(?:gz|zst))?$/i.exec(uri) ?? [];
  return FORMAT_OF_ENDING[ending.toLowerCase()] ?? 'parquet';
}
