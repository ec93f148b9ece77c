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

/** Key, fields with values (in hexadecimal), seconds to live. */
export type StoredHash = readonly [key: string, fields: readonly string[], ttl: number];

/** All hashes of a server. */
export async function storedHashes({ client }: Pick<RedisServer, 'client'>): Promise<StoredHash[]> {
  const keys = await client.keysBuffer('*');
  const hashes = keys.map(async (key): Promise<StoredHash> => {
    const flat = (await client.callBuffer('HGETALL', key)) as Buffer[];
    const fields: string[] = [];
    for (let i = 0; i < flat.length; i += 2) fields.push(`${flat[i]?.toString('hex')} ${flat[i + 1]?.toString('hex')}`);
    return [key.toString('hex'), fields.sort(), await client.ttl(key)];
  });
  return (await Promise.all(hashes)).sort();
}

/** All hashes of a server, and whether they will expire: two writes need not fall into the same second. */
export async function expiringHashes(server: Pick<RedisServer, 'client'>): Promise<unknown[]> {
  return (await storedHashes(server)).map(([key, fields, ttl]) => [key, fields, ttl > 0]);
}
