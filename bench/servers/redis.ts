import { Redis } from 'ioredis';
import { type ChildServer, freePort, startChildServer } from './child-server.ts';

export interface BenchRedis {
  readonly address: string;
  readonly pid: number;
  readonly version: string;
  /** CPU time in milliseconds that Redis says it has spent, its background threads included. */
  cpuMs(): Promise<number>;
  /** Keys that it holds. */
  size(): Promise<number>;
  /** Empties it. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a `redis-server` that keeps nothing on disk. @param port 0 picks a free one */
export async function startRedis(folder: string, port: number): Promise<BenchRedis> {
  const chosen = port === 0 ? await freePort() : port;
  const client = new Redis({ host: '127.0.0.1', port: chosen, lazyConnect: true, retryStrategy: () => 50 });
  client.on('error', () => {});
  let server: ChildServer;
  try {
    server = await startChildServer({
      what: 'redis-server',
      command: 'redis-server',
      args: ['--port', `${chosen}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
      isUp: () => client.ping(),
    });
  } catch (error) {
    client.disconnect();
    throw error;
  }
  const info = async (section: string, key: string): Promise<string> =>
    new RegExp(`^${key}:(.*)$`, 'm').exec(await client.info(section))?.[1]?.trim() ?? '';
  return {
    address: `127.0.0.1:${chosen}`,
    pid: server.pid,
    version: await info('server', 'redis_version'),
    async cpuMs() {
      const text = await client.info('cpu');
      const seconds = (key: string) => Number(new RegExp(`^${key}:([\\d.]+)`, 'm').exec(text)?.[1] ?? Number.NaN);
      return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1000;
    },
    size: () => client.dbsize(),
    async flush() {
      await client.flushall();
    },
    async stop() {
      client.disconnect();
      await server.stop();
    },
  };
}
