import { openProject } from '../../src/cli/composition.ts';
import { servingPolicyFromConfig } from '../../src/cli/serving-policy-from-config.ts';
import { SideboardError } from '../../src/errors.ts';
import { OnlineFeatures } from '../../src/serving/online-features.ts';
import { createFeastServices } from '../../src/transports/grpc/feast-services.ts';
import { startGrpcJsServer } from '../../src/transports/grpc/grpc-js-server.ts';
import { createOnlineFeaturesClient, type OnlineFeaturesClient } from './online-features-client.ts';

/** A project served over gRPC in this process, with a clock that the test sets. */
export interface ServedProject {
  readonly client: OnlineFeaturesClient;
  /** Sets the time that TTLs are measured from; milliseconds since the Unix epoch. */
  setTime(now: number): void;
  /** @throws AggregateError when the server met an error that has no code */
  close(): Promise<void>;
}

export async function serveProject(repoPath: string): Promise<ServedProject> {
  const project = await openProject({ location: { repo: repoPath }, env: {}, warn: () => {} });
  let now = Date.now();
  const features = new OnlineFeatures({
    registry: () => project.registry.current(),
    store: project.store,
    policy: servingPolicyFromConfig(project.config),
    now: () => now,
  });
  const { grpc } = project.config.sideboard;
  const unforeseen: unknown[] = [];
  const server = await startGrpcJsServer(createFeastServices(features, 'test'), {
    ...grpc,
    address: '127.0.0.1:0',
    onFailure: (error) => {
      if (!(error instanceof SideboardError) || error.kind === 'internal') unforeseen.push(error);
    },
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
      await project.close();
      if (unforeseen.length > 0)
        throw new AggregateError(unforeseen, `errors without a code: ${String(unforeseen[0])}`);
    },
  };
}
