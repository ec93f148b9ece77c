import type { Context, Tracer as OtelTracer, Span, SpanOptions } from '@opentelemetry/api';
import { MAX_TRACESTATE, parseTraceparent, type TraceContext, traceparentFrom } from '../../encoding/trace-context.ts';
import type { CallMarks } from '../../serving/served-call.ts';
import { ExportWatch, type ExportWatchOptions } from './export-watch.ts';
import { loadOtel, type OtelPackages } from './otel-packages.ts';
import type { SpanAttributes, Tracer, TraceSpan } from './tracer.ts';
import type { TracingPlan } from './tracing-plan.ts';

export interface OtlpTracerOptions extends Pick<ExportWatchOptions, 'log' | 'onSpans'> {
  readonly plan: TracingPlan;
  /** Of this program. */
  readonly version: string;
  /** What else is said of the process that makes the spans. */
  readonly resource: Readonly<Record<string, string | number>>;
}

/** A tracer that exports by OTLP. @throws TracingError `TRACING_PACKAGE_MISSING` */
export async function createOtlpTracer({ plan, version, resource, log, onSpans }: OtlpTracerOptions): Promise<Tracer> {
  const otel = await loadOtel(plan.protocol);
  const { api, sdk, resources, createExporter } = otel;
  // OpenTelemetry tells of variables that it cannot read while it is set up; later on it would tell of every export that fails.
  const tell = (message: string): void =>
    log.warn({ reason: message.slice(0, 300) }, 'a setting of OpenTelemetry is odd');
  const silent = (): void => {};
  api.diag.setLogger(
    { error: tell, warn: tell, info: silent, debug: silent, verbose: silent },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const { collector, maxQueued, sampleRatio, serviceName } = plan;
  const watch = new ExportWatch({ collector, maxQueued, log, onSpans });
  const exporter = watch.watched(createExporter(plan.url));
  const provider = new sdk.BasicTracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ 'service.name': serviceName, 'service.version': version, ...resource }))
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    ...(sampleRatio !== undefined && {
      sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(sampleRatio) }),
    }),
    spanProcessors: [watch.bounded(new sdk.BatchSpanProcessor(exporter, { maxQueueSize: maxQueued }))],
  });
  const tracer = provider.getTracer('sideboard', version);
  api.diag.disable();
  return {
    startCall(name, marks, attributes) {
      const parent = contextFrom(otel, marks);
      return new OtlpSpan(otel, tracer, name, optionsOf(api.SpanKind.SERVER, attributes), parent);
    },
    startOwn(name, attributes) {
      return new OtlpSpan(otel, tracer, name, optionsOf(api.SpanKind.CLIENT, attributes), api.ROOT_CONTEXT);
    },
    async close(withinMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, withinMs);
      });
      // What an exporter rejects with has been counted already.
      await Promise.race([provider.shutdown().catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
}

class OtlpSpan implements TraceSpan {
  readonly isRecorded: boolean;
  readonly #otel: OtelPackages;
  readonly #tracer: OtelTracer;
  readonly #span: Span;
  readonly #parent: Context;

  constructor(otel: OtelPackages, tracer: OtelTracer, name: string, options: SpanOptions, parent: Context) {
    this.#otel = otel;
    this.#tracer = tracer;
    this.#parent = parent;
    this.#span = tracer.startSpan(name, options, parent);
    this.isRecorded = this.#span.isRecording();
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get context(): TraceContext {
    const { traceId, spanId, traceFlags, traceState } = this.#span.spanContext();
    const tracestate = traceState?.serialize();
    return {
      traceparent: traceparentFrom({ traceId, spanId, flags: traceFlags }),
      ...(tracestate === undefined || tracestate === '' ? {} : { tracestate }),
    };
  }

  startChild(name: string, attributes: SpanAttributes): TraceSpan {
    const { api } = this.#otel;
    const context = api.trace.setSpan(this.#parent, this.#span);
    return new OtlpSpan(this.#otel, this.#tracer, name, optionsOf(api.SpanKind.CLIENT, attributes), context);
  }

  add(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributesOf(attributes));
  }

  fail(code: string): void {
    this.#span.setAttribute('error.type', code);
    this.#span.setStatus({ code: this.#otel.api.SpanStatusCode.ERROR, message: code });
  }

  end(): void {
    this.#span.end();
  }
}

function optionsOf(kind: number, attributes: SpanAttributes): SpanOptions {
  return { kind, attributes: attributesOf(attributes) };
}

function attributesOf(attributes: SpanAttributes): Record<string, string | number | boolean | string[]> {
  return attributes as Record<string, string | number | boolean | string[]>;
}

/** The caller's trace; a header that is malformed counts as none, and then `tracestate` does too. */
function contextFrom({ api }: OtelPackages, marks: CallMarks | undefined): Context {
  const parent = parseTraceparent(marks?.traceparent);
  if (parent === undefined) return api.ROOT_CONTEXT;
  const { traceId, spanId, flags } = parent;
  const state = marks?.tracestate;
  return api.trace.setSpanContext(api.ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: flags & 1,
    isRemote: true,
    ...(state !== undefined && state.length <= MAX_TRACESTATE && { traceState: api.createTraceState(state) }),
  });
}
