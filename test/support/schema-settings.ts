import type { z } from 'zod';
import { describeSchema, shapeOf, unwrapSchema } from '../../src/config/describe-schema.ts';

/** One setting of a config schema, in the words of the reference docs. */
export interface SchemaSetting {
  /** Dotted key from the top of the file. */
  readonly key: string;
  readonly type: string;
  /** As YAML writes it, `none`, or `required`. */
  readonly fallback: string;
}

/** Every setting that a mapping's schema knows, mappings of known keys followed down to their leaves. */
export function settingsOfSchema(schema: z.core.$ZodType, prefix: string): SchemaSetting[] {
  return Object.entries(shapeOf(schema) ?? {}).flatMap(([name, setting]) => settingsOf(setting, prefix, name));
}

function settingsOf(schema: z.core.$ZodType, prefix: string, name: string): SchemaSetting[] {
  const key = prefix === '' ? name : `${prefix}.${name}`;
  if (shapeOf(schema) !== undefined) return settingsOfSchema(schema, key);
  return [settingOf(schema, key, name)];
}

/** A single setting, whose schema stands alone. */
export function settingOf(schema: z.core.$ZodType, key: string, name: string = key): SchemaSetting {
  return { key, type: describeSchema(schema, name), fallback: fallbackOf(schema) };
}

function fallbackOf(schema: z.core.$ZodType): string {
  const { optional, defaultValue, meta } = unwrapSchema(schema);
  const value = defaultValue ?? meta.default;
  if (value !== undefined) return `\`${typeof value === 'string' ? value || '""' : JSON.stringify(value)}\``;
  return optional ? 'none' : 'required';
}
