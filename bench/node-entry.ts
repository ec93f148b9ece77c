import { fileURLToPath } from 'node:url';

export interface NodeEntry {
  readonly file: string;
  /** Options for Node itself. */
  readonly execArgv: readonly string[];
}

/** How a module of the bench is run as a process: as a source under tsx, or compiled, just as the caller itself runs. */
export function nodeEntry(source: URL): NodeEntry {
  const file = fileURLToPath(source);
  if (import.meta.url.endsWith('.ts')) return { file, execArgv: ['--import', 'tsx'] };
  return { file: file.replace(/\.ts$/, '.js'), execArgv: [] };
}
