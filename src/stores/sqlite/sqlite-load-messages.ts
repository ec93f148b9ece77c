import type { SpooledRows } from '../sql/row-spool.ts';
import type { SqliteConnectionOptions } from './sqlite-connection.ts';
import type { SentError } from './sqlite-read-messages.ts';
import type { SqliteWrite } from './sqlite-upsert.ts';

/** What the loading thread is started with. */
export interface LoadThreadData {
  readonly connection: SqliteConnectionOptions;
  readonly timezone: string;
  readonly write: SqliteWrite;
  readonly rows: SpooledRows;
  readonly deadline: number | undefined;
}

/** What comes back: that the thread is up; then that all rows are written, or why none is. */
export type LoadThreadReply = 'ready' | 'done' | { readonly error: SentError };
