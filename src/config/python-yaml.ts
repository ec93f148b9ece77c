import { Scalar, type ScalarTag, type Tags } from 'yaml';

/**
 * How PyYAML reads plain scalars, which is how Feast reads its file: YAML 1.1, but `y` and `n` are text, and so is a number
 * with an exponent and no dot or no sign (`1e3`). Source of the patterns: the implicit resolvers of PyYAML's `Resolver`.
 */
const boolTag: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
  resolve: (text) => new Scalar(/^(?:yes|true|on)$/i.test(text)),
};

const intTag: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^[-+]?(?:0b[0-1_]+|0[0-7_]*|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$/,
  resolve: (text) => new Scalar(signed(text, unsignedInt)),
};

const floatTag: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
  resolve: (text) => new Scalar(signed(text, unsignedFloat)),
};

const REPLACED = new Set([boolTag.tag, intTag.tag, floatTag.tag]);

/** Month and day of a date alone have two digits. */
const TIMESTAMP =
  /^(?:\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$/;

/** The tags of the `yaml` package's 1.1 schema with those replaced that PyYAML resolves differently. */
export function pythonYamlTags(tags: Tags): Tags {
  const kept = tags
    .filter((tag) => typeof tag === 'string' || !REPLACED.has(tag.tag))
    .map((tag) => (isTimestampTag(tag) ? { ...tag, test: TIMESTAMP } : tag));
  return [...kept, boolTag, intTag, floatTag];
}

function isTimestampTag(tag: Tags[number]): tag is ScalarTag {
  return typeof tag !== 'string' && tag.tag === 'tag:yaml.org,2002:timestamp';
}

function signed(text: string, unsigned: (digits: string) => number): number {
  const digits = text.replace(/^[-+]/, '').replaceAll('_', '');
  return text.startsWith('-') ? -unsigned(digits) : unsigned(digits);
}

function unsignedInt(digits: string): number {
  if (digits.includes(':')) return sexagesimal(digits);
  if (/^0[bx]/.test(digits)) return Number(digits);
  return digits.startsWith('0') ? Number.parseInt(digits, 8) : Number(digits);
}

function unsignedFloat(digits: string): number {
  if (/nan$/i.test(digits)) return Number.NaN;
  if (/inf$/i.test(digits)) return Number.POSITIVE_INFINITY;
  return digits.includes(':') ? sexagesimal(digits) : Number(digits);
}

function sexagesimal(digits: string): number {
  return digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}
