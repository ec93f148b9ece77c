import { EncodingError } from './encoding-error.ts';

/** Whole seconds since 1970 (any sign) and 0 to 999,999,999 nanoseconds, as google.protobuf.Timestamp has them. */
export interface TimePoint {
  readonly seconds: number;
  readonly nanos: number;
}

/** 0001-01-01T00:00:00Z, the earliest time that a protobuf Timestamp and Python can hold. */
export const MIN_SECONDS = -62_135_596_800;
/** 9999-12-31T23:59:59Z */
export const MAX_SECONDS = 253_402_300_799;

export type EpochUnit = 's' | 'ms' | 'us' | 'ns';

const FRACTION_DIGITS: Readonly<Record<EpochUnit, number>> = { s: 9, ms: 6, us: 3, ns: 0 };
const DATE_TIME =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?: ?(?:([Zz]|UTC)|([+-])(\d{2})(?::?(\d{2}))?))?)?$/;
const EPOCH = /^([+-]?)(\d{1,30})(?:\.(\d+))?$/;

/**
 * A point in time from what users and files give:
 * - a text: RFC 3339, or `YYYY-MM-DD HH:MM:SS[.fraction][zone]` as Python, pandas and PostgreSQL print it, or a date alone; without a zone
 *   it is UTC, as in Feast; up to nine fraction digits, kept exactly;
 * - a number, bigint or text of digits: time since 1970 in `epochUnit` (seconds unless said otherwise; Feast's HTTP server takes
 *   numbers as nanoseconds); what is finer than a nanosecond is cut off;
 * - a Date.
 * @throws EncodingError `INVALID_TIMESTAMP`, also for times outside the years 1 to 9999.
 */
export function parseTimestamp(input: string | number | bigint | Date, epochUnit: EpochUnit = 's'): TimePoint {
  if (input instanceof Date) return fromEpoch(String(input.getTime()), 'ms');
  if (typeof input !== 'string') return fromEpoch(numberText(input), epochUnit);
  const text = input.trim();
  if (EPOCH.test(text)) return fromEpoch(text, epochUnit);
  const { seconds, nanos } = parseDateTime(text);
  return { seconds, nanos };
}

/** A date and time as text, with the offset that it was given with, in seconds east of UTC; `undefined` for none. */
export function parseDateTime(text: string): TimePoint & { readonly offset: number | undefined } {
  const seconds = plainSeconds(text);
  if (!Number.isNaN(seconds)) return { seconds, nanos: plainNanos(text), offset: isUtc(text) ? 0 : undefined };
  const match = DATE_TIME.exec(text);
  if (match === null) throw invalid('a text is neither RFC 3339 nor "YYYY-MM-DD HH:MM:SS"');
  const [
    ,
    year,
    month,
    day,
    hour = '0',
    minute = '0',
    second = '0',
    fraction = '',
    utc,
    sign,
    offHours,
    offMinutes = '0',
  ] = match;
  const days = daysSinceEpoch(Number(year), Number(month), Number(day));
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)
    throw invalid('an hour, minute or second does not exist');
  let offset = utc === undefined ? undefined : 0;
  if (sign !== undefined) {
    if (Number(offHours) > 23 || Number(offMinutes) > 59) throw invalid('the zone offset does not exist');
    offset = (Number(offHours) * 3600 + Number(offMinutes) * 60) * (sign === '-' ? -1 : 1);
  }
  const local = days * 86_400 + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  return { ...inRange(local - (offset ?? 0), Number(fraction.padEnd(9, '0'))), offset };
}

/**
 * A point in time as Feast's HTTP server prints it: RFC 3339 in UTC with `Z` and 0, 3, 6 or 9 fraction digits.
 * @throws EncodingError `INVALID_TIMESTAMP` outside the years 1 to 9999.
 */
export function formatTimestamp(seconds: number, nanos: number): string {
  inRange(seconds, nanos);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  if (nanos === 0) return `${text}Z`;
  const digits = nanos.toString().padStart(9, '0');
  const kept = digits.endsWith('000000') ? 3 : digits.endsWith('000') ? 6 : 9;
  return `${text}.${digits.slice(0, kept)}Z`;
}

/**
 * Seconds since 1970 as Python's `datetime.isoformat()` prints them in a zone, for example `2024-07-01T12:00:00-07:00`.
 * Zones are IANA names, `UTC`, `UTC±HH:MM` or empty, which is UTC; so is a zone that this machine does not know.
 * @throws EncodingError `INVALID_TIMESTAMP` outside the years 1 to 9999.
 */
export function formatZoned(unixTimestamp: bigint, zone: string): string {
  const seconds = Number(unixTimestamp);
  inRange(seconds, 0);
  const offset = zoneOffset(zone, seconds);
  inRange(seconds + offset, 0);
  const local = new Date((seconds + offset) * 1000).toISOString().slice(0, 19);
  return `${local}${offsetText(offset)}`;
}

/** `+05:30`, `-07:00`; with seconds only where there are some (zones of the nineteenth century). */
export function offsetText(offset: number): string {
  const size = Math.abs(offset);
  const parts = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60];
  const shown = parts[2] === 0 ? parts.slice(0, 2) : parts;
  return `${offset < 0 ? '-' : '+'}${shown.map((part) => part.toString().padStart(2, '0')).join(':')}`;
}

const FIXED_ZONE = /^UTC([+-])(\d{2}):(\d{2})(?::(\d{2}))?$/;

/** Offset of a zone at a point in time, in seconds east of UTC. */
function zoneOffset(zone: string, seconds: number): number {
  if (zone === '' || zone === 'UTC') return 0;
  const fixed = FIXED_ZONE.exec(zone);
  if (fixed !== null) {
    const size = Number(fixed[2]) * 3600 + Number(fixed[3]) * 60 + Number(fixed[4] ?? 0);
    return fixed[1] === '-' ? -size : size;
  }
  const format = zoneFormat(zone);
  if (format === undefined) return 0;
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(seconds * 1000)) part[type] = Number(value);
  const days = daysSinceEpoch(part.year ?? 1970, part.month ?? 1, part.day ?? 1);
  const local = days * 86_400 + (part.hour ?? 0) * 3600 + (part.minute ?? 0) * 60 + (part.second ?? 0);
  return local - seconds;
}

const MAX_ZONES = 1000;
const zoneFormats = new Map<string, Intl.DateTimeFormat | undefined>();

function zoneFormat(zone: string): Intl.DateTimeFormat | undefined {
  if (zoneFormats.has(zone)) return zoneFormats.get(zone);
  // Zone names come out of stored data: without a bound, made-up names would grow this for ever.
  if (zoneFormats.size >= MAX_ZONES) zoneFormats.clear();
  let format: Intl.DateTimeFormat | undefined;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  zoneFormats.set(zone, format);
  return format;
}

function numberText(input: number | bigint): string {
  if (typeof input === 'bigint') return input.toString();
  if (!Number.isFinite(input)) throw invalid('a number is not finite');
  const text = input.toString();
  // Below 1e-6 and above 1e21 numbers print with an exponent: nothing at nanosecond precision, or far out of range.
  return text.includes('e') ? input.toFixed(20) : text;
}

function fromEpoch(text: string, unit: EpochUnit): TimePoint {
  const match = EPOCH.exec(text);
  if (match === null) throw invalid('a number is not a time since 1970');
  const [, sign, whole = '0', fraction = ''] = match;
  const digits = FRACTION_DIGITS[unit];
  const size = BigInt(whole + fraction.slice(0, digits).padEnd(digits, '0'));
  const total = sign === '-' ? -size : size;
  // Nanoseconds count forward, also before 1970.
  let seconds = total / 1_000_000_000n;
  let nanos = total % 1_000_000_000n;
  if (nanos < 0n) {
    nanos += 1_000_000_000n;
    seconds -= 1n;
  }
  return inRange(Number(seconds), Number(nanos));
}

const USUAL_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const BLANK = 32;
const DASH = 45;
const COLON = 58;
const POINT = 46;
const ZERO = 48;
const LETTER_T = 84;
const LETTER_Z = 90;

/**
 * Whole seconds of the usual texts, `YYYY-MM-DDTHH:MM:SSZ` with or without milliseconds, with a blank or without a zone, which are read
 * a tenth as fast by a regular expression; NaN for any other text.
 */
function plainSeconds(text: string): number {
  const length = isUtc(text) ? text.length - 1 : text.length;
  if (
    (length !== 19 && length !== 23) ||
    (text.charCodeAt(10) !== LETTER_T && text.charCodeAt(10) !== BLANK) ||
    text.charCodeAt(4) !== DASH ||
    text.charCodeAt(7) !== DASH ||
    text.charCodeAt(13) !== COLON ||
    text.charCodeAt(16) !== COLON ||
    (length === 23 && (text.charCodeAt(19) !== POINT || Number.isNaN(digitsAt(text, 20) * 10 + digitAt(text, 22))))
  ) {
    return Number.NaN;
  }
  const [year, month, day] = [digitsAt(text, 0) * 100 + digitsAt(text, 2), digitsAt(text, 5), digitsAt(text, 8)];
  const [hour, minute, second] = [digitsAt(text, 11), digitsAt(text, 14), digitsAt(text, 17)];
  // The last day of February is judged with all else that is unusual.
  const isUsual = year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= (USUAL_DAYS[month - 1] ?? 0);
  if (!(isUsual && hour <= 23 && minute <= 59 && second <= 59)) return Number.NaN;
  return plainDays(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
}

function isUtc(text: string): boolean {
  return text.charCodeAt(text.length - 1) === LETTER_Z;
}

function plainNanos(text: string): number {
  return text.length < 23 ? 0 : (digitsAt(text, 20) * 10 + digitAt(text, 22)) * 1e6;
}

/** The number that two digits make; NaN where they are none. */
function digitsAt(text: string, at: number): number {
  return digitAt(text, at) * 10 + digitAt(text, at + 1);
}

function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - ZERO;
  return digit >= 0 && digit <= 9 ? digit : Number.NaN;
}

/** Days from 1970-01-01 to a day that exists: years begin with March, so that the day of a leap year is their last. */
function plainDays(year: number, month: number, day: number): number {
  const years = month > 2 ? year : year - 1;
  const monthsSinceMarch = (month + 9) % 12;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  return years * 365 + leapDays + Math.floor((153 * monthsSinceMarch + 2) / 5) + day - 1 - DAYS_TO_1970;
}

/** From the 1st of March of the year 0 to 1970-01-01. */
const DAYS_TO_1970 = 719_468;

function inRange(seconds: number, nanos: number): TimePoint {
  if (!(seconds >= MIN_SECONDS && seconds <= MAX_SECONDS && nanos >= 0 && nanos < 1_000_000_000)) {
    throw invalid('it lies outside the years 1 to 9999');
  }
  return { seconds, nanos };
}

/** Days from 1970-01-01 in the Gregorian calendar. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) throw invalid('the day does not exist');
  return date.getTime() / 86_400_000;
}

function invalid(why: string): EncodingError {
  return new EncodingError('INVALID_TIMESTAMP', `A timestamp is invalid: ${why}.`, {
    hint: 'Use RFC 3339, such as 2026-01-10T08:00:00Z.',
  });
}
