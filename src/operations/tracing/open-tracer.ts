import type { TracingSettings } from '../../config/sideboard-settings.ts';
import type { OtlpTracerOptions } from './otlp-tracer.ts';
import type { Tracer } from './tracer.ts';
import { TracingError } from './tracing-error.ts';
import { tracingPlanFrom } from './tracing-plan.ts';

export interface OpenTracerOptions extends Omit<OtlpTracerOptions, 'plan'> {
  readonly settings: TracingSettings;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Opens tracing where settings or variables ask for it; otherwise nothing of it is loaded.
 * @returns nothing where there is none: that is also where the variables alone ask for what is not installed, which the log tells
 * @throws TracingError for what the settings ask for and cannot be had
 */
export async function openTracer({ settings, env, ...options }: OpenTracerOptions): Promise<Tracer | undefined> {
  const { log } = options;
  try {
    const plan = tracingPlanFrom(settings, env);
    if (plan === undefined) return undefined;
    const { createOtlpTracer } = await import('./otlp-tracer.ts');
    const tracer = await createOtlpTracer({ ...options, plan });
    log.info({ collector: plan.collector, protocol: plan.protocol }, 'traces are exported');
    return tracer;
  } catch (err) {
    // Variables are often set for all containers of a pod, also for those that can do nothing with them.
    if (!(err instanceof TracingError) || settings.enabled === true) throw err;
    log.warn({ err }, 'there are no traces');
    return undefined;
  }
}
