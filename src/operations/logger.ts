import { destination, type Logger, pino, stdTimeFunctions } from 'pino';
import type { LogSettings } from '../config/sideboard-settings.ts';
import { SideboardError } from '../errors.ts';

export type { Logger } from 'pino';

export type LogLevel = LogSettings['level'];
export type LogFormat = LogSettings['format'];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `auto`: pretty where the log goes to a terminal, JSON elsewhere. */
  readonly format: LogFormat;
  /** Where lines go; 2 is standard error. */
  readonly fileDescriptor: number;
  /** The file descriptor is a terminal. Only there are lines coloured. */
  readonly isTerminal: boolean;
  /** No colours on a terminal either, as `NO_COLOR` asks. */
  readonly plain: boolean;
  /** Number of the worker that logs, for every line. */
  readonly worker?: number | undefined;
}

/**
 * The process's log. One line per event: `time` (RFC 3339), `level`, `msg`, and what belongs to the event; an error stands
 * under `err` with its stable `code`.
 *
 * Lines are written synchronously, so that the last ones are there when the process ends.
 */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const pretty = options.format === 'pretty' || (options.format === 'auto' && options.isTerminal);
  // Loaded only where somebody watches.
  const stream = pretty
    ? (await import('pino-pretty')).build({
        sync: true,
        destination: options.fileDescriptor,
        colorize: options.isTerminal && !options.plain,
        translateTime: 'yyyy-mm-dd HH:MM:ss.l',
        singleLine: true,
      })
    : destination({ fd: options.fileDescriptor, sync: true });
  // The reader of the log may be gone; that is no reason to stop serving.
  stream.on('error', () => {});
  return pino(
    {
      level: options.level,
      base: options.worker === undefined ? null : { worker: options.worker },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorForLog },
    },
    stream,
  );
}

export interface LoggedError {
  readonly type: string;
  readonly code?: string;
  readonly message: string;
  readonly hint?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

const MAX_CAUSES = 5;

/**
 * What the log shows of an error. Other properties are left out: client libraries hang whole commands with their arguments
 * onto their errors, credentials among them. A foreseen error needs no stack, what caused it does.
 */
export function errorForLog(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const foreseen = error instanceof SideboardError;
  const code = 'code' in error && error.code !== undefined ? String(error.code) : undefined;
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    message: error.message,
    ...(foreseen && error.hint !== undefined ? { hint: error.hint } : {}),
    ...(foreseen && error.kind !== 'internal' ? {} : { stack: error.stack ?? '' }),
    ...(error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: errorForLog(error.cause, depth + 1) }),
  };
}
