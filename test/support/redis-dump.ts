import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

interface DumpedKey {
  readonly key_hex: string;
  readonly ttl_seconds: number;
  readonly fields: readonly { readonly field_hex: string; readonly value_hex: string }[];
}

/** Puts a recorded `dump.jsonl` (one Redis hash per line, bytes in hexadecimal) into a Redis. */
export async function restoreRedisDump(redis: Redis, file: string): Promise<void> {
  const pipeline = redis.pipeline();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const { key_hex, ttl_seconds, fields } = JSON.parse(line) as DumpedKey;
    const key = Buffer.from(key_hex, 'hex');
    for (const { field_hex, value_hex } of fields) {
      pipeline.hset(key, Buffer.from(field_hex, 'hex'), Buffer.from(value_hex, 'hex'));
    }
    if (ttl_seconds > 0) pipeline.expire(key, ttl_seconds);
  }
  for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
}
