import { featureField, timeField } from '../../src/stores/redis/redis-layout.ts';
import { askOnce } from '../load/ask-once.ts';
import { directReads } from '../load/direct-reads.ts';
import { benchViews, JOIN_KEY, PROJECT } from '../workloads/feature-data.ts';
import { requestRing, type Workload } from '../workloads/workload.ts';
import type { Target } from './target.ts';

/** The same reads without a server between: one HMGET per entity, all of a request in one write, replies only counted. */
export function redisDirectTarget(address: string, population: number): Target {
  return {
    name: 'redis-direct',
    reads: 'redis',
    async start(workload, requests) {
      const endpoint = { kind: 'resp', address, repliesPerRequest: workload.entities } as const;
      const fields = fieldsOf(workload);
      const ring = requestRing(workload, population, requests.length).map(({ entities }) =>
        directReads(PROJECT, JOIN_KEY, entities, fields),
      );
      await askOnce(endpoint, ring);
      return { endpoint, ring, pids: () => [], answers: 'unseen', stop: async () => {} };
    },
  };
}

function fieldsOf({ features }: Workload): readonly Buffer[] {
  return benchViews.flatMap(({ name: view }) => {
    const asked = features.filter((feature) => feature.view === view);
    return asked.length === 0 ? [] : [...asked.map(({ name }) => featureField(view, name)), timeField(view)];
  });
}
