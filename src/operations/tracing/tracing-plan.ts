import type { TracingSettings } from '../../config/sideboard-settings.ts';
import { TracingError } from './tracing-error.ts';

export type OtlpProtocol = 'http/protobuf' | 'grpc';

/** Where and how spans are exported, as far as OpenTelemetry's own variables do not say so already. */
export interface TracingPlan {
  readonly protocol: OtlpProtocol;
  /** Address of the exporter; `undefined` where the variables, or the defaults of OpenTelemetry, say it. */
  readonly url: string | undefined;
  /** What the log calls the collector: scheme, host and port. */
  readonly collector: string;
  readonly serviceName: string;
  /** Share of the traces that begin here which are recorded; `undefined` where the variables say it. */
  readonly sampleRatio: number | undefined;
  /** Spans that wait for the exporter, or are on their way, at a time. */
  readonly maxQueued: number;
}

const DEFAULT_QUEUE = 2048;
const PROTOCOLS: readonly string[] = ['http/protobuf', 'grpc'] satisfies OtlpProtocol[];
const DEFAULT_URL: Readonly<Record<OtlpProtocol, string>> = {
  'http/protobuf': 'http://localhost:4318',
  grpc: 'http://localhost:4317',
};

/**
 * Whether there is tracing, and how: OpenTelemetry's variables count, then `sideboard.tracing`. Where `enabled` is not set, a variable
 * that names a collector turns tracing on, because that is how OpenTelemetry is set up everywhere else.
 * @returns nothing where there is none
 * @throws TracingError `TRACING_SETTINGS_INVALID`
 */
export function tracingPlanFrom(settings: TracingSettings, env: NodeJS.ProcessEnv): TracingPlan | undefined {
  const variable = (name: string): string | undefined => env[name]?.trim() || undefined;
  if (settings.enabled === false || variable('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined;
  const exporter = variable('OTEL_TRACES_EXPORTER');
  if (exporter === 'none') return undefined;
  const specific = variable('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const general = variable('OTEL_EXPORTER_OTLP_ENDPOINT');
  const named = specific ?? general;
  if (settings.enabled !== true && exporter !== 'otlp' && named === undefined) return undefined;
  if (exporter !== undefined && exporter !== 'otlp') {
    throw new TracingError(
      'TRACING_SETTINGS_INVALID',
      `OTEL_TRACES_EXPORTER asks for "${exporter.slice(0, 40)}", which is not supported.`,
      {
        hint: 'Traces are exported by otlp, or not at all (none).',
      },
    );
  }
  const protocol =
    variable('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? variable('OTEL_EXPORTER_OTLP_PROTOCOL') ?? settings.protocol;
  if (!isProtocol(protocol)) {
    throw new TracingError(
      'TRACING_SETTINGS_INVALID',
      `The protocol "${protocol.slice(0, 40)}" of OTLP is not supported.`,
      {
        hint: `Set OTEL_EXPORTER_OTLP_PROTOCOL or sideboard.tracing.protocol to one of: ${PROTOCOLS.join(', ')}.`,
      },
    );
  }
  return {
    protocol,
    url: named === undefined ? urlFrom(settings.endpoint, protocol) : undefined,
    collector: originOf(named ?? settings.endpoint ?? DEFAULT_URL[protocol]),
    serviceName: settings.serviceName,
    sampleRatio: variable('OTEL_TRACES_SAMPLER') === undefined ? settings.sampleRatio : undefined,
    maxQueued: wholeNumber(variable('OTEL_BSP_MAX_QUEUE_SIZE')) ?? DEFAULT_QUEUE,
  };
}

function isProtocol(name: string): name is OtlpProtocol {
  return PROTOCOLS.includes(name);
}

/** As the variable without a signal's name has it: the path of traces follows over HTTP. */
function urlFrom(endpoint: string | undefined, protocol: OtlpProtocol): string | undefined {
  if (endpoint === undefined || protocol === 'grpc') return endpoint;
  return `${endpoint.replace(/\/+$/, '')}/v1/traces`;
}

/** Without user, path and query, where a secret may stand. */
function originOf(url: string): string {
  if (!URL.canParse(url)) return 'a collector whose address is not a URL';
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
