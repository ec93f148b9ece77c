import { createHash } from 'node:crypto';

/**
 * Stores rows of one view unless what is stored is as new or newer: Feast's rule, in one step with the write.
 *
 *     KEYS   one key per row
 *     ARGV   seconds to live, 0 for ever · number of fields · the fields, that of the time first ·
 *            per row their values in the same order, the time as a serialized Timestamp
 *
 * Times are compared in microseconds; one of 1970 or before never counts as stored. Answers how many rows were stored, or, when rows
 * failed, the error of the first one behind `ROW <its position> `; the others are treated as usual. A stored time that cannot be
 * decoded is the error `CORRUPT`, and its row is left alone. The script never raises an error: it would leave the rows behind it out.
 *
 * `decodeTime` in redis-layout.ts decodes the same way. Seconds of 1978 to 3058 take five bytes, which are decoded without a loop.
 */
export const GUARD_SCRIPT = `local byte, call = string.byte, redis.pcall
local function varint(bytes, at)
  local value, complement, low, scale = 0, 0, 0, 1
  for n = 1, 10 do
    local b = byte(bytes, at)
    if not b then return nil end
    at = at + 1
    local group = b % 128
    if n < 10 then
      value = value + group * scale
      complement = complement + (127 - group) * scale
    elseif group % 2 == 1 then
      value = -complement - 1
    end
    if n < 6 then low = value end
    if b < 128 then return value, low % 4294967296, at end
    scale = scale * 128
  end
end
local function decode(bytes)
  local seconds, nanos, at, size = 0, 0, 1, #bytes
  if size > 5 then
    local tag, a, b, c, d, e = byte(bytes, 1, 6)
    if tag == 8 and a > 127 and b > 127 and c > 127 and d > 127 and e < 128 then
      seconds, at = a - 128 + (b - 128) * 128 + (c - 128) * 16384 + (d - 128) * 2097152 + e * 268435456, 7
    end
  end
  while at <= size do
    local tag, value, low
    tag, low, at = varint(bytes, at)
    if tag ~= 8 and tag ~= 16 then return nil end
    value, low, at = varint(bytes, at)
    if not value then return nil end
    if tag == 8 then seconds = value else nanos = low end
  end
  if seconds < -62135596800 or seconds > 253402300799 or nanos > 999999999 then return nil end
  return seconds, nanos - nanos % 1000
end
local ttl, fields = tonumber(ARGV[1]), tonumber(ARGV[2])
local time, pairs, at = ARGV[3], {}, fields + 2
for i = 1, fields do pairs[2 * i - 1] = ARGV[2 + i] end
local stored, failure = 0, nil
for row = 1, #KEYS do
  local key, known, skip, failed = KEYS[row], nil, false, nil
  known = call('HGET', key, time)
  if type(known) == 'table' then
    failed = known.err
  elseif known and known ~= '' then
    local seconds, nanos = decode(known)
    if not seconds then
      failed = 'CORRUPT time'
    elseif seconds > 0 or (seconds == 0 and nanos > 0) then
      local newSeconds, newNanos = decode(ARGV[at + 1])
      skip = newSeconds < seconds or (newSeconds == seconds and newNanos <= nanos)
    end
  end
  if not failed and not skip then
    for i = 1, fields do pairs[2 * i] = ARGV[at + i] end
    for first = 1, 2 * fields, 7000 do
      local reply = call('HSET', key, unpack(pairs, first, math.min(first + 6999, 2 * fields)))
      if type(reply) == 'table' then
        failed = reply.err
        break
      end
    end
    if not failed then
      stored = stored + 1
      if ttl > 0 then call('EXPIRE', key, ttl) end
    end
  end
  if failed and not failure then failure = 'ROW ' .. (row - 1) .. ' ' .. failed end
  at = at + fields
end
if failure then return redis.error_reply(failure) end
return stored
`;

export const GUARD_SHA = createHash('sha1').update(GUARD_SCRIPT).digest('hex');

/** Rows of one call: it is short enough not to hold up reads, and what a call costs by itself is spread. */
export const ROWS_PER_CALL = 32;

/** An error of the script, taken apart. The position is that of a row in its call. */
export function failedRowFrom(message: string): { readonly position: number; readonly message: string } | undefined {
  const found = /^ROW (\d+) -?(.*)$/s.exec(message);
  return found === null ? undefined : { position: Number(found[1]), message: found[2] ?? '' };
}

/** Whether Redis does not let this user, or anybody, run scripts. */
export function refusesScripts(message: string): boolean {
  return /^NOPERM|^ERR unknown command/.test(message);
}
