import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { credentials, loadPackageDefinition, type ServiceError, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { run } from '../support/feast-session.ts';
import { createFeatureRepo, type FeatureRepo } from '../support/feature-repo.ts';
import { projectRoot } from '../support/project-root.ts';
import { type ServingProcess, startSideboard } from '../support/sideboard-process.ts';

const protos = join(projectRoot, 'proto');
const services = {
  'feast.serving.ServingService': 'feast/serving/ServingService.proto',
  GrpcFeatureServer: 'feast/serving/GrpcServer.proto',
};

/** Driver 1001 and one that is not there, in the names of the .proto files. */
const request = {
  features: { val: ['driver_hourly_stats:conv_rate', 'driver_hourly_stats:avg_daily_trips'] },
  entities: { driver_id: { val: [{ int64_val: '1001' }, { int64_val: '5000000000' }] } },
};
const unknownService = { feature_service: 'nope', entities: request.entities };

/** What generic JSON clients show of the answer: 64-bit integers as text. */
const answer = {
  names: ['driver_id', 'conv_rate', 'avg_daily_trips'],
  trips: { values: [{ int64_val: '548' }, {}], statuses: ['PRESENT', 'NOT_FOUND'] },
};

describe('clients generated from proto/', function () {
  this.timeout(120_000);

  const fixture = join(projectRoot, 'test', 'fixtures', 'behaviour', 'bench');
  let repo: FeatureRepo;
  let serving: ServingProcess;

  before(async () => {
    repo = createFeatureRepo({
      config: join(fixture, 'feature_store.yaml'),
      files: { 'registry.db': join(fixture, 'registry.db'), 'online_store.db': join(fixture, 'online_store.db') },
    });
    serving = await startSideboard(repo.path);
  });
  after(async () => {
    await serving?.stop();
    repo?.remove();
  });

  describe('grpcurl', () => {
    before(async () => {
      const { status: exit, output } = await run(join(projectRoot, 'scripts', 'setup-grpcurl.sh'), []);
      assert.equal(exit, 0, output);
    });

    const grpcurl = (service: keyof typeof services, method: string, message: object) =>
      run(
        join(projectRoot, '.tools', 'bin', 'grpcurl'),
        ['-plaintext', '-format-error', '-import-path', protos, '-proto', services[service]].concat([
          '-d',
          '@',
          serving.address,
          `${service}/${method}`,
        ]),
        JSON.stringify(message),
      );

    for (const service of Object.keys(services) as (keyof typeof services)[]) {
      it(`reads features from ${service}`, async () => {
        const { status: exit, stdout, output } = await grpcurl(service, 'GetOnlineFeatures', request);
        assert.equal(exit, 0, output);
        const { metadata, results } = JSON.parse(stdout) as JsonAnswer;
        assert.deepEqual(metadata.featureNames.val, answer.names);
        assert.deepEqual(results[2]?.values, [{ int64Val: '548' }, {}]);
        assert.deepEqual(results[2]?.statuses, answer.trips.statuses);
      });
    }

    it('shows the status and what was wrong', async () => {
      const { status: exit, output } = await grpcurl(
        'feast.serving.ServingService',
        'GetOnlineFeatures',
        unknownService,
      );
      assert.equal(exit, 64 + status.NOT_FOUND);
      const refusal = JSON.parse(output) as { code: number; message: string };
      assert.equal(refusal.code, status.NOT_FOUND);
      assert.match(refusal.message, /There is no feature service "nope" in project "bench"\..*"driver_activity"/);
    });

    it('is told which version serves', async () => {
      const { stdout } = await grpcurl('feast.serving.ServingService', 'GetFeastServingInfo', {});
      assert.match((JSON.parse(stdout) as { version: string }).version, /^sideboard \d/);
    });
  });

  describe('@grpc/grpc-js', () => {
    for (const [service, file] of Object.entries(services)) {
      it(`reads features from ${service}`, async () => {
        const { metadata, results } = await callLoaded<LoadedAnswer>(service, file, request);
        assert.deepEqual(metadata.feature_names.val, answer.names);
        assert.deepEqual(
          results[2]?.values.map(({ int64_val }) => (int64_val === undefined ? {} : { int64_val })),
          answer.trips.values,
        );
        assert.deepEqual(results[2]?.statuses, answer.trips.statuses);
      });

      it(`learns from ${service} what was wrong`, async () => {
        const refusal = await callLoaded(service, file, unknownService).then(
          () => assert.fail('the call was answered'),
          (error: ServiceError) => error,
        );
        assert.equal(refusal.code, status.NOT_FOUND);
        assert.match(refusal.details, /"nope"/);
        assert.deepEqual(refusal.metadata.get('sideboard-code'), ['UNKNOWN_FEATURE_SERVICE']);
      });
    }

    /** Calls GetOnlineFeatures of a service as @grpc/proto-loader builds it from a .proto file. */
    function callLoaded<T>(service: string, file: string, message: object): Promise<T> {
      const options = { includeDirs: [protos], keepCase: true, oneofs: true, enums: String, longs: String };
      let found: unknown = loadPackageDefinition(loadSync(file, options));
      for (const part of service.split('.')) found = (found as Record<string, unknown>)[part];
      const Service = found as LoadedService<T>;
      const client = new Service(serving.address, credentials.createInsecure());
      return new Promise<T>((resolve, reject) => {
        client.GetOnlineFeatures(message, (error, reply) => {
          client.close();
          if (error !== null) reject(error);
          else resolve(reply);
        });
      });
    }
  });
});

/** protobuf's JSON, as grpcurl prints it. */
interface JsonAnswer {
  readonly metadata: { readonly featureNames: { readonly val: readonly string[] } };
  readonly results: readonly { readonly values: readonly object[]; readonly statuses: readonly string[] }[];
}

/** Messages as @grpc/proto-loader gives them with the names of the .proto files. */
interface LoadedAnswer {
  readonly metadata: { readonly feature_names: { readonly val: readonly string[] } };
  readonly results: readonly {
    readonly values: readonly { readonly int64_val?: string }[];
    readonly statuses: readonly string[];
  }[];
}

type LoadedService<T> = new (
  address: string,
  channel: ReturnType<typeof credentials.createInsecure>,
) => {
  GetOnlineFeatures(message: object, done: (error: ServiceError | null, reply: T) => void): void;
  close(): void;
};
