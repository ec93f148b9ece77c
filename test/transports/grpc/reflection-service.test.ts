import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { HealthService, servicesOf } from '../../../src/transports/grpc/health-service.ts';
import { createReflectionService } from '../../../src/transports/grpc/reflection-service.ts';
import type { GrpcServer } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers } from '../../../src/transports/grpc/start-grpc-server.ts';
import { createEchoService } from '../../support/echo-service.ts';
import { run } from '../../support/feast-session.ts';
import { projectRoot } from '../../support/project-root.ts';
import { askReflection, reflectionSummary } from '../../support/reflection-client.ts';
import { collect } from '../../support/sideboard-process.ts';

const grpcurl = join(projectRoot, '.tools', 'bin', 'grpcurl');

for (const [kind, start] of Object.entries(grpcServers)) {
  describe(`server reflection on ${kind}`, function () {
    this.timeout(60_000);

    let server: GrpcServer;

    before(async () => {
      const { status, output } = await run(join(projectRoot, 'scripts', 'setup-grpcurl.sh'), []);
      assert.equal(status, 0, output);
      const echo = createEchoService();
      const health = new HealthService(new Map());
      health.serving = true;
      server = await start([...health.methods, ...createReflectionService(servicesOf(health.methods))], echo.options());
    });

    after(() => server.close(0));

    async function tool(...args: readonly string[]): Promise<string> {
      const child: ChildProcess = spawn(grpcurl, ['-plaintext', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      const { stdout, stderr } = collect(child);
      const [code] = await once(child, 'close');
      assert.equal(code, 0, stderr());
      return stdout();
    }

    it('lets grpcurl list, describe and call without files', async () => {
      const { address } = server;
      assert.deepEqual((await tool(address, 'list')).trim().split('\n'), [
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
      ]);
      assert.match(await tool(address, 'describe', 'grpc.health.v1.Health'), /rpc Watch \( \.grpc\.health\.v1\.H/);
      const described = await tool(address, 'describe', 'feast.serving.GetOnlineFeaturesResponse.FeatureVector');
      assert.match(described, /repeated \.google\.protobuf\.Timestamp event_timestamps = 3;/);
      const answer = await tool('-d', '{"service": ""}', address, 'grpc.health.v1.Health/Check');
      assert.deepEqual(JSON.parse(answer), { status: 'SERVING' });
    });

    for (const version of ['v1', 'v1alpha']) {
      it(`answers every kind of question of ${version}, on one call`, async () => {
        const answers = await askReflection(server.address, version, [
          { case: 'listServices', value: '*' },
          { case: 'fileByFilename', value: 'sideboard/v1/ingest.proto' },
          { case: 'fileContainingSymbol', value: 'sideboard.v1.Ingest.Write' },
          { case: 'fileContainingSymbol', value: 'feast.types.ValueType.Enum' },
          { case: 'fileContainingSymbol', value: 'feast.types.ValueType.INT64' },
          { case: 'fileContainingSymbol', value: 'GrpcFeatureServer' },
          { case: 'fileContainingSymbol', value: 'no.Such' },
          { case: 'fileByFilename', value: 'no/such.proto' },
          { case: 'allExtensionNumbersOfType', value: 'feast.types.Value' },
          { case: 'allExtensionNumbersOfType', value: 'no.Such' },
          { case: undefined },
        ]);
        assert.deepEqual(answers.map(reflectionSummary), [
          ['grpc.health.v1.Health', 'grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'],
          ['sideboard/v1/ingest.proto', 'feast/types/Value.proto', 'google/protobuf/timestamp.proto'],
          ['sideboard/v1/ingest.proto', 'feast/types/Value.proto', 'google/protobuf/timestamp.proto'],
          ['feast/types/Value.proto'],
          ['feast/types/Value.proto'],
          [
            'feast/serving/GrpcServer.proto',
            'feast/serving/ServingService.proto',
            'feast/types/Value.proto',
            'google/protobuf/timestamp.proto',
          ],
          5,
          5,
          [],
          5,
          3,
        ]);
        assert.deepEqual(answers[1]?.originalRequest?.messageRequest, {
          case: 'fileByFilename',
          value: 'sideboard/v1/ingest.proto',
        });
      });
    }
  });
}
