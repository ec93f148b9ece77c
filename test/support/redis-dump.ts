import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { RedisServer } from './redis-server.ts';

interface DumpedKey {
  readonly key_hex: string;
  readonly ttl_seconds: number;
  readonly fields: readonly { readonly field_hex: string; readonly value_hex: string }[];
}

/** Puts a recorded `dump.jsonl` (one Redis hash per line, bytes in hexadecimal) into the Redis on a port of 127.0.0.1. */
export async function restoreRedisDump(port: number, file: string): Promise<void> {
  const redis = new Redis({ host: '127.0.0.1', port });
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
  try {
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
  } finally {
    redis.disconnect();
  }
}

/** All hashes of a server, in hexadecimal: key, fields with values, seconds to live. */
export async function storedHashes({ client }: Pick<RedisServer, 'client'>): Promise<unknown[]> {
  const keys = await client.keysBuffer('*');
  const hashes = keys.map(async (key) => {
    const flat = (await client.callBuffer('HGETALL', key)) as Buffer[];
    const fields: string[] = [];
    for (let i = 0; i < flat.length; i += 2) fields.push(`${flat[i]?.toString('hex')} ${flat[i + 1]?.toString('hex')}`);
    return [key.toString('hex'), fields.sort(), await client.ttl(key)];
  });
  return (await Promise.all(hashes)).sort();
}
