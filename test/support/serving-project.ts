import { join } from 'node:path';
import { loadFeatureStoreConfig } from '../../src/config/load-config.ts';
import { createFileRegistrySource } from '../../src/registry/file-registry-source.ts';
import { openRegistry } from '../../src/registry/registry-holder.ts';
import { OnlineFeatures } from '../../src/serving/online-features.ts';
import { defaultServingPolicy, feastPythonPolicy, type ServingPolicy } from '../../src/serving/serving-policy.ts';
import { resolveOnlineStore } from '../../src/stores/resolve.ts';
import { createFeastServices } from '../../src/transports/grpc/feast-services.ts';
import { startGrpcJsServer } from '../../src/transports/grpc/grpc-js-server.ts';
import { createOnlineFeaturesClient, type OnlineFeaturesClient } from './online-features-client.ts';

/** A project served over gRPC in this process, with a clock that the test sets. */
export interface ServedProject {
  readonly client: OnlineFeaturesClient;
  /** Sets the time that TTLs are measured from; milliseconds since the Unix epoch. */
  setTime(now: number): void;
  close(): Promise<void>;
}

export async function serveProject(repoPath: string): Promise<ServedProject> {
  const config = await loadFeatureStoreConfig(join(repoPath, 'feature_store.yaml'));
  const registry = await openRegistry({
    source: createFileRegistrySource({ path: config.registry.path, repoPath }),
    project: config.project,
    cacheTtlSeconds: 0,
  });
  const { serving } = config.sideboard;
  const policy: ServingPolicy = {
    ...defaultServingPolicy,
    ...(serving.compatibility === 'feast-python' ? feastPythonPolicy : {}),
    versionedReads: config.registry.enableOnlineFeatureViewVersioning,
  };
  const store = await resolveOnlineStore({
    ...config.onlineStore,
    context: { project: config.project, repoPath, warn: () => {} },
  });
  let now = Date.now();
  const features = new OnlineFeatures({ registry: () => registry.current(), store, policy, now: () => now });
  const unforeseen: unknown[] = [];
  const server = await startGrpcJsServer(createFeastServices(features, 'test'), {
    address: '127.0.0.1:0',
    maxMessageBytes: 4_194_304,
    maxConcurrentStreams: 256,
    defaultDeadlineMs: 5_000,
    maxDeadlineMs: 60_000,
    onInternalError: (error) => unforeseen.push(error),
  });
  const client = createOnlineFeaturesClient(server.address);
  return {
    client,
    setTime(time) {
      now = time;
    },
    async close() {
      client.close();
      await server.close(1_000);
      await store.close();
      await registry.close();
      if (unforeseen.length > 0) throw new AggregateError(unforeseen, 'the server met errors that have no code');
    },
  };
}
