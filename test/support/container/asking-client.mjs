// Stands in for a model: asks the Sideboard of its pod again and again, and on SIGTERM prints how it went. Runs in the image.
import { createRequire } from 'node:module';

const require = createRequire('/app/package.json');
const { credentials, loadPackageDefinition } = require('@grpc/grpc-js');
const { loadSync } = require('@grpc/proto-loader');

const options = { includeDirs: ['/app/proto'], keepCase: true, longs: String };
const definition = loadSync('feast/serving/ServingService.proto', options);
const { ServingService } = loadPackageDefinition(definition).feast.serving;
const client = new ServingService(process.env.SIDEBOARD_TARGET ?? process.argv[2], credentials.createInsecure());
const request = { feature_service: 'ranking', entities: { driver_id: { val: [{ int64_val: '1001' }] } } };

const counts = { right: 0, wrong: 0, failed: 0 };
let stopping = false;
process.on('SIGTERM', () => {
  stopping = true;
});
ask();

function ask() {
  client.GetOnlineFeatures(request, { deadline: Date.now() + 5_000 }, (error, answer) => {
    const trips = answer?.results[2]?.values[0]?.int64_val;
    if (error) counts.failed++;
    else counts[trips === '15' ? 'right' : 'wrong']++;
    if (error) console.error(error.message);
    if (counts.right === 20 && !stopping) console.log('twenty answers');
    if (!stopping) return setTimeout(ask, 10);
    console.log(JSON.stringify(counts));
    client.close();
  });
}
