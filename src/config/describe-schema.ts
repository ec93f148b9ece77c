import { z } from 'zod';

/** The parts of a schema that say something about a value, with optional, default and the like taken off. */
export interface UnwrappedSchema {
  readonly schema: z.core.$ZodTypes;
  readonly optional: boolean;
  /** The default that the schema itself fills in. */
  readonly defaultValue: unknown;
  /** Whether a conversion in front of the schema reads it out of other values, such as a number out of text. */
  readonly lax: boolean;
  /** What the schema's author registered with `.meta()`, on any layer. */
  readonly meta: SchemaMeta;
}

/** What config schemas register with zod's `.meta()`. */
export interface SchemaMeta {
  /** What is allowed, to be read behind "expected". Where it is missing, it is derived from the schema. */
  readonly expected?: string;
  /** The default of an optional setting that is resolved later than by the schema; only documentation reads it. */
  readonly default?: unknown;
}

/** Takes off wrappers until what is left describes the value itself. */
export function unwrapSchema(outer: z.core.$ZodType): UnwrappedSchema {
  let schema = outer as z.core.$ZodTypes;
  let optional = false;
  let lax = false;
  let defaultValue: unknown;
  let meta: SchemaMeta = {};
  for (;;) {
    meta = { ...(z.globalRegistry.get(schema) as SchemaMeta | undefined), ...meta };
    const def = schema._zod.def;
    switch (def.type) {
      case 'optional':
      case 'nullable':
        optional = true;
        break;
      case 'default':
      case 'prefault':
        optional = true;
        defaultValue = def.defaultValue;
        break;
      case 'readonly':
      case 'catch':
      case 'nonoptional':
        break;
      case 'pipe': {
        // In a preprocessing pipe, only the output's schema says what is allowed.
        const converts = (def.in as z.core.$ZodTypes)._zod.def.type === 'transform';
        lax ||= converts;
        schema = (converts ? def.out : def.in) as z.core.$ZodTypes;
        continue;
      }
      default:
        return { schema, optional, defaultValue, lax, meta };
    }
    schema = def.innerType as z.core.$ZodTypes;
  }
}

/** The keys of a mapping's schema, or nothing where the schema is not a mapping with known keys. */
export function shapeOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> | undefined {
  const { def } = unwrapSchema(schema).schema._zod;
  return def.type === 'object' ? def.shape : undefined;
}

/** Whether a mapping's schema says nothing about further keys; zod would drop them silently. */
export function dropsUnknownKeys(schema: z.core.$ZodType): boolean {
  const { def } = unwrapSchema(schema).schema._zod;
  return def.type === 'object' && def.catchall === undefined;
}

/** The schema at `path` below `schema`, as far as it can be followed; `value` decides where a schema has several forms. */
export function schemaAt(
  schema: z.core.$ZodType,
  path: readonly string[],
  value?: unknown,
): z.core.$ZodType | undefined {
  let current: z.core.$ZodType | undefined = schema;
  let reached = value;
  for (const segment of path) {
    if (current === undefined) return undefined;
    const def: z.core.$ZodTypes['_zod']['def'] = unwrapSchema(schemaFor(current, reached)).schema._zod.def;
    if (def.type === 'object') current = Object.hasOwn(def.shape, segment) ? def.shape[segment] : undefined;
    else if (def.type === 'array') current = def.element;
    else if (def.type === 'record') current = def.valueType;
    else if (def.type === 'union') current = discriminatorSchema(def, segment);
    else return undefined;
    reached = memberOf(reached, segment);
  }
  return current;
}

/** For a schema with several forms, the one for mappings that fits `value`; any other schema as it is. */
export function schemaFor(schema: z.core.$ZodType, value: unknown): z.core.$ZodType {
  const { def } = unwrapSchema(schema).schema._zod;
  if (def.type !== 'union') return schema;
  const mappings = def.options.filter((option) => shapeOf(option) !== undefined);
  const discriminator = discriminatorOf(def);
  if (discriminator === undefined) return mappings.length === 1 ? (mappings[0] ?? schema) : schema;
  const named = memberOf(value, discriminator);
  return mappings.find((option) => literalsOf(shapeOf(option)?.[discriminator]).includes(named)) ?? schema;
}

function discriminatorOf(def: z.core.$ZodUnionDef): string | undefined {
  return 'discriminator' in def && typeof def.discriminator === 'string' ? def.discriminator : undefined;
}

/** What the key may hold that tells the forms of a schema apart. */
function discriminatorSchema(def: z.core.$ZodUnionDef, key: string): z.core.$ZodType | undefined {
  if (discriminatorOf(def) !== key) return undefined;
  const names = def.options.flatMap((option) => literalsOf(shapeOf(option)?.[key])).map(String);
  return z.enum(names as [string, ...string[]]);
}

function literalsOf(schema: z.core.$ZodType | undefined): readonly unknown[] {
  const def = schema === undefined ? undefined : unwrapSchema(schema).schema._zod.def;
  return def?.type === 'literal' ? def.values : [];
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

/**
 * What a schema allows, to be read behind "expected": `a whole number of seconds, at least 1`. The unit comes from the end
 * of the setting's name.
 */
export function describeSchema(outer: z.core.$ZodType, name = ''): string {
  const { schema, meta } = unwrapSchema(outer);
  if (meta.expected !== undefined) return meta.expected;
  const { def } = schema._zod;
  switch (def.type) {
    case 'string':
      return limitsOf(def.checks).minimumLength > 0 ? 'text that is not empty' : 'text';
    case 'number':
      return describeNumber(def, name);
    case 'boolean':
      return 'true or false';
    case 'enum':
      return oneOf(Object.values(def.entries));
    case 'literal':
      return oneOf(def.values);
    case 'array':
      return 'a list';
    case 'object':
    case 'record':
      return 'a mapping';
    case 'union':
      return [...new Set(def.options.map((option) => describeSchema(option, name)))].join(' or ');
    default:
      return 'another value';
  }
}

function oneOf(values: readonly unknown[]): string {
  const names = values.map(String);
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} or ${last}`;
}

const UNITS: readonly (readonly [suffix: string, unit: string])[] = [
  ['_seconds', ' of seconds'],
  ['_ms', ' of milliseconds'],
  ['_bytes', ' of bytes'],
];

function describeNumber(def: z.core.$ZodNumberDef & { format?: string }, name: string): string {
  const limits = limitsOf(def.checks);
  const unit = UNITS.find(([suffix]) => name.endsWith(suffix))?.[1] ?? '';
  const kind = `${limits.whole || def.format?.includes('int') ? 'a whole number' : 'a number'}${unit}`;
  const { minimum, above, maximum } = limits;
  if (minimum !== undefined && maximum !== undefined) return `${kind} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${kind}, at least ${minimum}`;
  if (above !== undefined) return `${kind} above ${above}`;
  return maximum === undefined ? kind : `${kind}, at most ${maximum}`;
}

interface Limits {
  minimumLength: number;
  whole: boolean;
  minimum?: number;
  above?: number;
  maximum?: number;
}

function limitsOf(checks: readonly z.core.$ZodCheck<never>[] | undefined): Limits {
  const limits: Limits = { minimumLength: 0, whole: false };
  for (const check of checks ?? []) {
    const def = (check as z.core.$ZodChecks)._zod.def;
    if (def.check === 'min_length') limits.minimumLength = def.minimum;
    else if (def.check === 'number_format') limits.whole = def.format.includes('int');
    else if (def.check === 'greater_than') limits[def.inclusive ? 'minimum' : 'above'] = Number(def.value);
    else if (def.check === 'less_than' && def.inclusive) limits.maximum = Number(def.value);
  }
  return limits;
}
