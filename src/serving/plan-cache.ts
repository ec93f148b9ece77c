import { entityKeysInForce } from '../definitions/surrogate-key.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import { compilePlan, type Plan } from './plan.ts';
import type { OnlineFeaturesRequest } from './request.ts';
import type { ServingPolicy } from './serving-policy.ts';

/** What plans and their keys may take together, in bytes, more or less: callers choose how large both are. */
const MAX_BYTES = 32 * 1024 * 1024;
/** What a plan takes for each feature and column that it answers. */
const BYTES_PER_OUTPUT = 400;

/** Keeps compiled plans by what shapes them. A new registry generation forgets them all. */
export class PlanCache {
  readonly #configured: ServingPolicy;
  readonly #plans = new Map<string, Plan>();
  #bytes = 0;
  /** As configured, with the join keys that the registry of this generation says how to make. */
  #policy: ServingPolicy;
  #generation = -1;
  #compiled = 0;

  constructor(policy: ServingPolicy) {
    this.#configured = policy;
    this.#policy = policy;
  }

  /** How many plans were compiled since the process started. */
  get compiled(): number {
    return this.#compiled;
  }

  /** @throws ServingError what is wrong with the request's features or columns; such a request is not remembered */
  planFor(request: OnlineFeaturesRequest, registry: RegistrySnapshot): Plan {
    if (registry.generation !== this.#generation) {
      this.#plans.clear();
      this.#bytes = 0;
      this.#generation = registry.generation;
      const { entityKeys } = entityKeysInForce(this.#configured.entityKeys.values(), registry);
      this.#policy = { ...this.#configured, entityKeys };
    }
    const known = this.#plans.get(request.planKey);
    if (known !== undefined) return known;
    const plan = compilePlan(
      request.selection,
      request.entities.map((column) => column.name),
      request.requestContext.map((column) => column.name),
      registry,
      this.#policy,
    );
    this.#compiled++;
    this.#remember(request.planKey, plan);
    return plan;
  }

  #remember(key: string, plan: Plan): void {
    // A Map keeps insertion order: the first key is the oldest. Plans are cheap to compile again, so no use is tracked.
    const bytes = bytesOf(key, plan);
    for (const [oldest, other] of this.#plans) {
      if (this.#plans.size < this.#policy.planCacheSize && this.#bytes + bytes <= MAX_BYTES) break;
      this.#plans.delete(oldest);
      this.#bytes -= bytesOf(oldest, other);
    }
    this.#plans.set(key, plan);
    this.#bytes += bytes;
  }
}

function bytesOf(key: string, plan: Plan): number {
  return key.length + plan.metadata.length + plan.outputs.length * BYTES_PER_OUTPUT;
}
