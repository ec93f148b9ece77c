import { type Command, Option } from 'commander';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import type { LogFormat, LoggerOptions, LogLevel } from '../operations/logger.ts';
import { wholeNumber } from './command-context.ts';
import type { Io } from './io.ts';

// Here and not with the logger, because every command line is parsed, and few load the log library.
const levels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const formats: readonly LogFormat[] = ['auto', 'json', 'pretty'];

/** Options that every command takes which serves until it is told to stop. */
export interface ServingOptions {
  /** Seconds. */
  readonly shutdownTimeout: number;
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
}

/** Adds the options of {@link ServingOptions}. */
export function addServingOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--shutdown-timeout <seconds>', 'how long calls under way may take to finish when it is told to stop')
        .argParser(wholeNumber(0, 3600))
        .default(10),
    )
    .addOption(
      new Option('--log-level <level>', 'what to log (default: sideboard.log.level, which is info unless set)')
        .choices(levels)
        .env('SIDEBOARD_LOG_LEVEL'),
    )
    .addOption(
      new Option(
        '--log-format <format>',
        'auto is pretty on a terminal and json elsewhere (default: sideboard.log.format)',
      )
        .choices(formats)
        .env('SIDEBOARD_LOG_FORMAT'),
    );
}

/** For commands that listen. */
export function insecureAllowRemoteOption(): Option {
  return new Option(
    '--insecure-allow-remote',
    'listen where other machines can connect, also without TLS or authentication (default: ' +
      'sideboard.grpc.insecure_allow_remote)',
  );
}

/** How a process that serves logs: as its options say, and as the configuration says where they do not. */
export function loggerOptionsFrom(
  { logLevel, logFormat }: ServingOptions,
  config: FeatureStoreConfig,
  io: Io,
  worker?: number,
): LoggerOptions {
  const { level, format } = config.sideboard.log;
  return {
    level: logLevel ?? level,
    format: logFormat ?? format,
    fileDescriptor: 2,
    isTerminal: io.stderrIsTerminal,
    plain: (io.env.NO_COLOR ?? '') !== '',
    worker,
  };
}
