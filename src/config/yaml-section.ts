import { inspect } from 'node:util';
import type { z } from 'zod';
import { configErrorFromViolations } from './config-error.ts';
import type { ConfigSection } from './config-section.ts';
import { checkValue, isMapping } from './violations.ts';
import type { YamlSource } from './yaml-source.ts';

/**
 * A section of a parsed file. A section that is missing or null is an empty mapping to `parse`. It prints, and turns into
 * JSON, as its path alone: its values may be secrets.
 */
export class YamlSection implements ConfigSection {
  readonly path: readonly string[];
  readonly #source: YamlSource;
  readonly #value: unknown;

  constructor(source: YamlSource, path: readonly string[], value: unknown) {
    this.path = Object.freeze([...path]);
    this.#source = source;
    this.#value = value;
    Object.freeze(this);
  }

  get value(): unknown {
    return this.#value;
  }

  parse<T>(schema: z.ZodType<T>): T {
    const missing = this.#source.unresolvedVariables(this.path);
    if (missing.length > 0) throw configErrorFromViolations(this.#source.file, missing);
    const checked = checkValue(this.#source, this.path, withoutType(this.#value), schema);
    if (checked.ok) return checked.value;
    throw configErrorFromViolations(this.#source.file, checked.violations);
  }

  toString(): string {
    return `[section ${this.path.join('.')}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

function withoutType(value: unknown): unknown {
  if (!isMapping(value)) return value ?? {};
  const { type: _, ...settings } = value;
  return settings;
}
