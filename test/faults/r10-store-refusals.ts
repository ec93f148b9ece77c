import { startDynamoServer } from '../support/dynamodb-server.ts';
import { startMysqlServer } from '../support/mysql-server.ts';
import type { FaultRow } from './harness/row.ts';
import { refusalsOfDynamo } from './refusals/dynamo-refusals.ts';
import { refusalsOfMysql } from './refusals/mysql-refusals.ts';
import { refusalsOfRedis } from './refusals/redis-refusals.ts';

export const storeRefusals: FaultRow = {
  id: 'R10',
  title: 'stores that refuse',
  injected:
    'Redis out of memory, a replica, with a key of another type, asking for a password, loading; MariaDB with killed queries and without ' +
    'a free connection; DynamoDB that throttles and leaves keys unprocessed',
  shortLimitMs: 180_000,
  mutations: [
    {
      name: 'keys that DynamoDB left unprocessed count as missing',
      file: 'src/stores/dynamodb/dynamodb-reader.js',
      find: 'const missing = countItems(left);',
      replace: 'const missing = 0;',
      fails: 'wrong',
    },
    {
      name: 'what DynamoDB throttles is not asked for again',
      file: 'src/stores/dynamodb/dynamodb-client.js',
      find: 'const again = isThrottling(error) ||',
      replace: 'const again =',
      fails: 'one request in three throttled',
    },
    {
      name: 'a killed query has no code of its own',
      file: 'src/stores/mysql/mysql-errors.js',
      find: '1317: KILLED,',
      replace: '',
      fails: 'killed queries',
    },
    {
      name: 'a Redis that loads has no code of its own',
      file: 'src/stores/redis/redis-errors.js',
      find: 'pattern: /^LOADING/,',
      replace: 'pattern: /^UNLOADING/,',
      fails: 'loading its data',
    },
    {
      name: 'what Redis says before it hangs up is not kept',
      file: 'src/stores/redis/redis-lane.js',
      find: 'CONNECTION_REFUSED.test(said)',
      replace: 'false',
      fails: 'asking for a password that is not there: failures of the load',
    },
    {
      name: 'messages name Redis by its whole connection string',
      file: 'src/stores/redis/redis-connection.js',
      find: ".join(', ');",
      replace: ".join(', ') + ',password=' + target.password;",
      fails: 'Redis: secrets',
    },
  ],
  async run(context, form) {
    const dynamo = startDynamoServer();
    dynamo.catch(() => {});
    context.cleanUp(async () => (await dynamo.catch(() => undefined))?.remove());
    // Installing MariaDB keeps this process busy, in which the proxy before DynamoDB lives.
    const mysql = await startMysqlServer();
    context.cleanUp(() => mysql.remove());
    const parts = [
      () => refusalsOfRedis(context, form),
      () => refusalsOfMysql(context, form, mysql),
      () => refusalsOfDynamo(context, form, dynamo),
    ];
    const reports = form === 'long' ? await oneByOne(parts) : await together(parts);
    return {
      figures: reports.flatMap(({ figures }) => figures),
      notes: [
        ...reports.flatMap(({ notes }) => notes),
        "The circuit breaker was off, so that the codes are the store's own, and deadlines of 10 s let them come.",
      ],
    };
  },
};

async function oneByOne<T>(parts: readonly (() => Promise<T>)[]): Promise<readonly T[]> {
  const results: T[] = [];
  for (const part of parts) results.push(await part());
  return results;
}

/** None goes on when this settles: what they use is ended then. */
async function together<T>(parts: readonly (() => Promise<T>)[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(parts.map((part) => part()));
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
