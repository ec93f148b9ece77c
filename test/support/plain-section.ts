import type { z } from 'zod';
import type { ConfigSection } from '../../src/config/config-section.ts';

/** A section that stands in no file: for tests that configure a store directly. */
export function plainSection(value: unknown, path: readonly string[] = ['online_store']): ConfigSection {
  return {
    path,
    value,
    parse<T>(schema: z.ZodType<T>): T {
      if (typeof value !== 'object' || value === null) return schema.parse(value ?? {});
      const { type: _, ...settings } = value as Record<string, unknown>;
      return schema.parse(settings);
    },
  };
}
