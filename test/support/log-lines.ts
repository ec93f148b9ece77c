import { pino } from 'pino';
import type { Logger } from '../../src/operations/logger.ts';

export interface LogLines {
  readonly log: Logger;
  readonly lines: Record<string, unknown>[];
}

/** A log that keeps its lines. */
export function createLogLines(level = 'info'): LogLines {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level, base: null, timestamp: false }, { write: (line) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}
