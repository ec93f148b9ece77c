import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { TracingError } from './tracing-error.ts';
import type { OtlpProtocol } from './tracing-plan.ts';

const EXPORTERS: Readonly<Record<OtlpProtocol, string>> = {
  'http/protobuf': '@opentelemetry/exporter-trace-otlp-proto',
  grpc: '@opentelemetry/exporter-trace-otlp-grpc',
};

export interface OtelPackages {
  readonly api: typeof import('@opentelemetry/api');
  readonly sdk: typeof import('@opentelemetry/sdk-trace-base');
  readonly resources: typeof import('@opentelemetry/resources');
  /** @param url where spans go, in place of what the variables and the defaults of OpenTelemetry say */
  readonly createExporter: (url: string | undefined) => SpanExporter;
}

/** Loads OpenTelemetry, which nobody needs who does not trace. @throws TracingError `TRACING_PACKAGE_MISSING` */
export async function loadOtel(
  protocol: OtlpProtocol,
  importAll: (protocol: OtlpProtocol) => Promise<OtelPackages> = importPackages,
): Promise<OtelPackages> {
  try {
    return await importAll(protocol);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    const exporter = `${EXPORTERS[protocol]}@0.223`;
    const packages = `@opentelemetry/api@1.9 @opentelemetry/resources@2 @opentelemetry/sdk-trace-base@2 ${exporter}`;
    throw new TracingError(
      'TRACING_PACKAGE_MISSING',
      'Tracing needs packages of OpenTelemetry that are not installed.',
      {
        hint: `Run: npm install ${packages}; in an image, build it with EXTRAS=otel.`,
        cause,
      },
    );
  }
}

async function importPackages(protocol: OtlpProtocol): Promise<OtelPackages> {
  const [api, sdk, resources, exporter] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/resources'),
    protocol === 'grpc'
      ? import('@opentelemetry/exporter-trace-otlp-grpc')
      : import('@opentelemetry/exporter-trace-otlp-proto'),
  ]);
  return {
    api,
    sdk,
    resources,
    createExporter: (url) => new exporter.OTLPTraceExporter(url === undefined ? {} : { url }),
  };
}
