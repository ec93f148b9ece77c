import { join } from 'node:path';
import { type RedisServer, type RedisServerOptions, startRedisServer } from '../../support/redis-server.ts';
import { fillMarkedProject, writeMarkedProject } from '../data/marked-project.ts';
import { type MarkedRequest, markedRing } from '../data/marked-requests.ts';
import type { Form } from '../harness/figures.ts';
import type { RowContext } from '../harness/row.ts';
import type { LoadSpec } from '../load/load-spec.ts';
import { type Load, startLoad } from '../load/start-load.ts';
import { type FaultProxy, startFaultProxy } from '../proxy/fault-proxy.ts';
import { type Product, type ProductOptions, startProduct } from './product.ts';

export interface RedisSceneOptions {
  /** Entities that are stored; 1,000 by default. */
  readonly population?: number;
  /** Settings under `sideboard:`. */
  readonly sideboard?: Readonly<Record<string, unknown>>;
  readonly product?: Omit<ProductOptions, 'repo'>;
  readonly redis?: RedisServerOptions;
  /** The product reads from Redis itself and not through the proxy. */
  readonly direct?: boolean;
  /** Entities of a request; 10 by default. */
  readonly entities?: number;
  /** Different requests; 256 by default. */
  readonly requests?: number;
}

/** Redis with marked values, a fault proxy before it, and the product that reads through the proxy. */
export interface RedisScene {
  readonly redis: RedisServer;
  readonly proxy: FaultProxy;
  readonly product: Product;
  readonly repo: string;
  readonly ring: readonly MarkedRequest[];
  /** Starts a load on the product: the base load of the form, but for what is given. */
  load(spec?: Partial<LoadSpec>): Promise<Load>;
}

export async function createRedisScene(
  context: RowContext,
  form: Form,
  { population = 1_000, direct = false, ...options }: RedisSceneOptions = {},
): Promise<RedisScene> {
  const redis = await startRedisServer(options.redis);
  context.cleanUp(() => redis.remove());
  const proxy = await startFaultProxy({ targetPort: redis.port, seed: context.seed });
  context.cleanUp(() => proxy.close());
  const repo = join(context.folder, 'repo');
  writeMarkedProject(repo, {
    onlineStore: { type: 'redis', connection_string: `127.0.0.1:${direct ? redis.port : proxy.port}` },
    ...(options.sideboard === undefined ? {} : { sideboard: options.sideboard }),
  });
  await fillMarkedProject(repo, population);
  const product = await startProduct(context, { ...options.product, repo });
  const ring = markedRing({
    random: context.random,
    population,
    entities: options.entities ?? 10,
    length: options.requests ?? 256,
  });
  return {
    redis,
    proxy,
    product,
    repo,
    ring,
    load: (spec) => startLoad({ ...baseLoad(form, product, ring), ...spec }, context.cleanUp),
  };
}

/**
 * The base load: 500 requests a second over 16 connections, each for 10 entities and 20 features with a deadline of 100 ms. Beside
 * other tests a fifth of it, with a deadline that a busy machine keeps.
 */
export function baseLoad(form: Form, product: Pick<Product, 'address'>, ring: readonly MarkedRequest[]): LoadSpec {
  return {
    address: product.address,
    ring,
    pace: { kind: 'open', perSecond: form === 'long' ? 500 : 100 },
    connections: form === 'long' ? 16 : 4,
    deadlineMs: form === 'long' ? 100 : 1_000,
    warmUp: form === 'long',
  };
}
