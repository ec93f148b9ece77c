import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serializeEntityKey } from '../../../src/encoding/entity-key.ts';
import { projectSuffix, redisKey } from '../../../src/stores/redis/redis-layout.ts';
import { Canaries } from '../../support/canaries.ts';
import { startRedisServer } from '../../support/redis-server.ts';
import { markedViews, PROJECT } from '../data/marked-data.ts';
import { markedRow } from '../data/marked-project.ts';
import type { Form, RowReport } from '../harness/figures.ts';
import type { RowContext } from '../harness/row.ts';
import { OTHER_ENTITY, reading, readingOneFeature, writing } from './questions.ts';
import { openRefusingStore } from './refusing-store.ts';

/** How long Redis takes for each key that it loads, in microseconds. */
const LOADING_SLOWLY = 5_000;
/** Keys of nobody: loading them all would take half a minute. */
const FILLERS = 6_000;

/** Redis out of memory, a replica, with a key of another type, asking for a password, and loading. */
export async function refusalsOfRedis(context: RowContext, form: Form): Promise<RowReport> {
  const canaries = new Canaries();
  const password = canaries.create("Redis' password");
  const redis = await startRedisServer({
    args: [
      ...['--requirepass', password, '--rdbcompression', 'no', '--key-load-delay', `${LOADING_SLOWLY}`],
      ...['--loading-process-events-interval-bytes', '1024'],
    ],
    // One that loads is up as well.
    client: { password, enableReadyCheck: false },
    isUp: (client) => client.ping().catch((error: Error) => (/^LOADING/.test(error.message) ? '' : reject(error))),
  });
  context.cleanUp(() => redis.remove());
  const { client } = redis;
  const file = join(redis.folder, 'password');
  writeFileSync(file, password);
  const store = await openRefusingStore(context, form, {
    name: 'Redis',
    onlineStore: {
      type: 'redis',
      connection_string: `127.0.0.1:${redis.port},password=${canaries.create('a password that is not used')}`,
    },
    sideboard: { redis: { password_file: file, reconnect_max_delay_ms: 200 } },
    perSecond: { long: 500, short: 50 },
    askDeadlineMs: 3_000,
    canaries,
  });
  await store.refuse({
    name: 'out of memory',
    inject: () => client.config('SET', 'maxmemory', '1'),
    restore: () => client.config('SET', 'maxmemory', '0'),
    questions: [reading('OK'), writing('STORE_OVERLOADED', 'is out of memory')],
    load: 'unharmed',
  });
  await store.refuse({
    name: 'a replica',
    inject: () => client.call('REPLICAOF', '127.0.0.1', '1'),
    restore: () => client.call('REPLICAOF', 'NO', 'ONE'),
    questions: [reading('OK'), writing('STORE_READ_ONLY', 'is a replica')],
    load: 'unharmed',
  });
  const key = keyOfOtherEntity();
  await store.refuse({
    name: 'a key of another type',
    inject: () => client.set(key, 'text'),
    restore: () => client.del(key),
    questions: [
      reading('STORE_WRONG_LAYOUT', 'something of another type', OTHER_ENTITY),
      writing('STORE_WRONG_LAYOUT', 'something of another type'),
    ],
    load: 'unharmed',
  });
  await store.refuse({
    name: 'asking for a password that is not there',
    async inject() {
      writeFileSync(file, '');
      await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    },
    restore: () => writeFileSync(file, password),
    questions: [
      reading('STORE_AUTH_FAILED', 'asks for a password'),
      readingOneFeature('STORE_AUTH_FAILED', 'asks for a password'),
      writing('STORE_AUTH_FAILED', 'asks for a password'),
    ],
    load: 'refused',
  });
  await store.refuse({
    name: 'loading its data',
    async inject() {
      await client.eval(`for i = 1, ${FILLERS} do redis.call('SET', 'filler:' .. i, string.rep('x', 200)) end`, 0);
      await client.save();
      await redis.stop();
      await redis.start();
    },
    restore: () => client.config('SET', 'key-load-delay', '0'),
    questions: [
      reading('STORE_UNAVAILABLE', 'is loading its data'),
      writing('STORE_UNAVAILABLE', 'is loading its data'),
    ],
    load: 'refused',
  });
  return store.finish();
}

function reject(error: Error): never {
  throw error;
}

function keyOfOtherEntity(): Buffer {
  const [view] = markedViews;
  if (view === undefined) throw new RangeError('there is no view');
  return Buffer.from(redisKey(serializeEntityKey(markedRow(view, OTHER_ENTITY, 1).entityKey), projectSuffix(PROJECT)));
}
