import type { DataSource } from '../../gen/feast/core/DataSource_pb.ts';

export const fileFormats = ['parquet', 'csv', 'jsonl'] as const;
export type FileSourceFormat = (typeof fileFormats)[number];

/**
 * The tag of a file source under which a registry keeps a format that Feast has no message for: `csv` or `jsonl`. Feast knows
 * Parquet and Delta tables.
 */
export const fileFormatTag = 'sideboard:file_format';

/** The format that a file source declares; nothing where the names of its files are to tell it. */
export function declaredFileFormat(source: DataSource): FileSourceFormat | 'delta' | undefined {
  const tag = source.tags[fileFormatTag];
  const named = fileFormats.find((format) => format === tag);
  if (named !== undefined) return named;
  const message = source.options.case === 'fileOptions' ? source.options.value.fileFormat : undefined;
  if (message?.format.case === 'deltaFormat') return 'delta';
  return message?.format.case === 'parquetFormat' ? 'parquet' : undefined;
}
