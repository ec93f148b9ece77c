import type { ExactJson } from '../encoding/value-json.ts';

/** How the rows of a file are written down. */
export type RowFormat = 'jsonl' | 'csv';

/**
 * One row as a file gives it, not yet typed. A JSON row keeps its members as parsed, integers as bigint; a CSV row is text
 * throughout, and a field that is empty and not quoted is null.
 */
export interface RowRecord {
  /** 1-based line on which the row starts. */
  readonly line: number;
  readonly format: RowFormat;
  readonly fields: ReadonlyMap<string, ExactJson>;
}

/** The format that a file's name says; `undefined` where it says none. */
export function rowFormatFromName(name: string): RowFormat | undefined {
  const extension = /\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase();
  if (extension === 'csv') return 'csv';
  return extension === 'jsonl' || extension === 'ndjson' ? 'jsonl' : undefined;
}
