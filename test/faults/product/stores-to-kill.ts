import { awsEnvironment, freshAccessKey, setAwsEnvironment } from '../../support/aws-environment.ts';
import { startDynamoServer } from '../../support/dynamodb-server.ts';
import { startMysqlServer } from '../../support/mysql-server.ts';
import { startRedisServer } from '../../support/redis-server.ts';

/** A store server that can be killed and started again with what it held. */
export interface StoreToKill {
  readonly name: string;
  readonly onlineStore: Readonly<Record<string, unknown>>;
  /** What the product needs in its environment. */
  readonly env: NodeJS.ProcessEnv;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Resolves when it answers. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

export type StoreKind = 'Redis' | 'MariaDB' | 'DynamoDB Local';

export function startStoreToKill(kind: StoreKind): Promise<StoreToKill> {
  if (kind === 'Redis') return startRedis();
  return kind === 'MariaDB' ? startMariaDb() : startDynamo();
}

async function startRedis(): Promise<StoreToKill> {
  const server = await startRedisServer({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  return {
    name: 'Redis',
    onlineStore: { type: 'redis', connection_string: `127.0.0.1:${server.port}` },
    env: {},
    kill: () => server.stop(),
    start: () => server.start(),
    remove: () => server.remove(),
  };
}

async function startMariaDb(): Promise<StoreToKill> {
  const server = await startMysqlServer();
  await server.createDatabase('faults');
  const { port } = server;
  return {
    name: 'MariaDB',
    onlineStore: { type: 'mysql', host: '127.0.0.1', port, user: 'root', password: 'root', database: 'faults' },
    env: {},
    kill: () => server.kill(),
    start: () => server.start(),
    remove: () => server.remove(),
  };
}

async function startDynamo(): Promise<StoreToKill> {
  const server = await startDynamoServer();
  const accessKey = freshAccessKey();
  const restore = setAwsEnvironment(accessKey);
  return {
    name: 'DynamoDB Local',
    onlineStore: { type: 'dynamodb', region: 'us-east-1', endpoint_url: server.url },
    env: awsEnvironment(accessKey),
    kill: () => server.stop(),
    start: () => server.start(),
    async remove() {
      restore();
      await server.remove();
    },
  };
}
