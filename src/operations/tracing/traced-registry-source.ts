import type { RegistrySource } from '../../registry/registry-source.ts';
import { codeOfFailure } from '../call-outcome.ts';
import type { Tracer } from './tracer.ts';

/**
 * The same source, with a span for each reading, which begins a trace of its own.
 * @param type as `registry.registry_type` names it
 */
export function tracedRegistrySource(source: RegistrySource, type: string, tracer: Tracer): RegistrySource {
  return {
    describe: () => source.describe(),
    close: () => source.close(),
    async load(options) {
      const span = tracer.startOwn('registry read', { 'sideboard.registry.type': type });
      try {
        const loaded = await source.load({ ...options, trace: span.context });
        if (loaded === 'unchanged') span.add({ 'sideboard.registry.changed': false });
        else span.add({ 'sideboard.registry.changed': true, 'sideboard.registry.bytes': loaded.bytes.length });
        return loaded;
      } catch (error) {
        span.fail(codeOfFailure(error));
        throw error;
      } finally {
        span.end();
      }
    },
  };
}
