import type { Redis } from 'ioredis';

/** All of a Redis that holds hashes: key to field to value, in hexadecimal. */
export async function redisContent(client: Redis): Promise<Map<string, Map<string, string>>> {
  const content = new Map<string, Map<string, string>>();
  const keys = (await client.callBuffer('KEYS', '*')) as Buffer[];
  for (const key of keys.sort(Buffer.compare)) {
    const cells = (await client.callBuffer('HGETALL', key)) as Buffer[];
    const fields = new Map<string, string>();
    for (let at = 0; at < cells.length; at += 2) {
      fields.set(cells[at]?.toString('hex') ?? '', cells[at + 1]?.toString('hex') ?? '');
    }
    content.set(key.toString('hex'), new Map([...fields].sort()));
  }
  return content;
}
