import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const proto = new URL('../../../proto', import.meta.url).pathname;
const options = { includeDirs: [proto], keepCase: true, oneofs: true, enums: String };
const definition = loadSync('feast/serving/ServingService.proto', options);
const { ServingService } = loadPackageDefinition(definition).feast.serving;
const client = new ServingService(process.argv[2] ?? '127.0.0.1:50051', credentials.createInsecure());

const entities = { driver_id: { val: [{ int64_val: 1001 }, { int64_val: 1 }] } };
client.GetOnlineFeatures({ feature_service: 'driver_ranking', entities }, (error, answer) => {
  if (error) throw error;
  answer.metadata.feature_names.val.forEach((name, i) => {
    const { values, statuses } = answer.results[i];
    console.log(name, values.map((value, row) => `${value[value.val] ?? '-'} (${statuses[row]})`).join('  '));
  });
  client.close();
});
