// Asks the Sideboard beside it for the feature service `ranking`, with what is in the image anyway; driver 1 is not there.
import { createRequire } from 'node:module';

const require = createRequire('/app/package.json');
const { credentials, loadPackageDefinition } = require('@grpc/grpc-js');
const { loadSync } = require('@grpc/proto-loader');

const options = { includeDirs: ['/app/proto'], keepCase: true, longs: String, oneofs: true, enums: String };
const definition = loadSync('feast/serving/ServingService.proto', options);
const { ServingService } = loadPackageDefinition(definition).feast.serving;
const client = new ServingService(process.argv[2] ?? '127.0.0.1:50051', credentials.createInsecure());

// It may be started in the moment in which Sideboard is.
await new Promise((resolve, reject) => {
  client.waitForReady(Date.now() + 30_000, (error) => (error ? reject(error) : resolve()));
});
const entities = { driver_id: { val: [{ int64_val: '1001' }, { int64_val: '1' }] } };
client.GetOnlineFeatures({ feature_service: 'ranking', entities }, (error, answer) => {
  if (error) throw error;
  answer.metadata.feature_names.val.forEach((name, i) => {
    const { values, statuses } = answer.results[i];
    console.log(name, values.map((value, row) => `${value[value.val] ?? '-'} (${statuses[row]})`).join('  '));
  });
  client.close();
});
