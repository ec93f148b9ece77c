/** A span of time as protobuf's `Duration` has it. */
export interface Span {
  readonly seconds: bigint;
  readonly nanos: number;
}

const SECONDS_OF_UNIT = { w: 604_800n, d: 86_400n, h: 3_600n, m: 60n, s: 1n } as const;

/** protobuf's limit for a Duration: ten thousand years. */
const MAX_SECONDS = 315_576_000_000n;

/** `1d`, `2h30m`, `90s`, `0.5s`: units fall, each stands once, and only seconds have a fraction, of up to six digits. */
const SPAN = /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.(\d{1,6}))?s)?$/;

/** The texts that are read, for JSON Schema. */
export const ttlPattern = `^\\s*(?:\\d+|(?=\\d)${SPAN.source.slice(1, -1)})\\s*$`;

/** Reads a text, or a number of seconds; nothing where it is not a span of time, or longer than protobuf's limit. */
export function spanFromTtl(written: string | number): Span | undefined {
  if (typeof written === 'number') return spanFromSeconds(written);
  const match = SPAN.exec(written.trim());
  if (match === null || match[0] === '')
    return /^\d{1,12}$/.test(written) ? spanFromSeconds(Number(written)) : undefined;
  const [, w, d, h, m, s, fraction = ''] = match;
  const parts = [w, d, h, m, s];
  if (parts.some((part) => (part?.length ?? 0) > 12)) return undefined;
  let seconds = 0n;
  for (const [index, unit] of Object.values(SECONDS_OF_UNIT).entries()) seconds += BigInt(parts[index] ?? 0) * unit;
  return bounded(seconds, Number(fraction.padEnd(9, '0')));
}

function spanFromSeconds(number: number): Span | undefined {
  if (!(number >= 0) || number > Number(MAX_SECONDS)) return undefined;
  const seconds = Math.floor(number);
  const micros = Math.round((number - seconds) * 1e6);
  return micros === 1e6 ? bounded(BigInt(seconds) + 1n, 0) : bounded(BigInt(seconds), micros * 1000);
}

function bounded(seconds: bigint, nanos: number): Span | undefined {
  return seconds > MAX_SECONDS || (seconds === MAX_SECONDS && nanos > 0) ? undefined : { seconds, nanos };
}

/** A span as definitions write it, in whole microseconds: `0s`, `1d`, `2h30m`. */
export function ttlFromSpan({ seconds, nanos }: Span): string {
  let rest = seconds;
  let text = '';
  for (const [unit, size] of Object.entries(SECONDS_OF_UNIT)) {
    if (unit === 'w') continue;
    const count = rest / size;
    rest %= size;
    const fraction =
      unit === 's'
        ? String(Math.trunc(nanos / 1000))
            .padStart(6, '0')
            .replace(/0+$/, '')
        : '';
    if (count > 0n || fraction !== '') text += `${count}${fraction === '' ? '' : `.${fraction}`}${unit}`;
  }
  return text === '' ? '0s' : text;
}
