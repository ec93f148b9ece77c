import { awsEnvironment, freshAccessKey, setAwsEnvironment } from '../../support/aws-environment.ts';
import { Canaries } from '../../support/canaries.ts';
import { processOnly, refusal, startDynamoProxy } from '../../support/dynamodb-proxy.ts';
import type { DynamoServer } from '../../support/dynamodb-server.ts';
import { FigureSheet, type Form, type RowReport } from '../harness/figures.ts';
import type { RowContext } from '../harness/row.ts';
import { reading, writing } from './questions.ts';
import { openRefusingStore } from './refusing-store.ts';

const THROTTLED = refusal('ProvisionedThroughputExceededException', 'The level of configured throughput was exceeded.');

/**
 * DynamoDB that throttles and leaves keys unprocessed. DynamoDB Local does neither: a proxy before it refuses requests in DynamoDB's words, and
 * hands on a part of the keys of a request; what is answered about those is the server's own.
 */
export async function refusalsOfDynamo(
  context: RowContext,
  form: Form,
  starting: Promise<DynamoServer>,
): Promise<RowReport> {
  const server = await starting;
  const proxy = await startDynamoProxy(server.port);
  context.cleanUp(() => proxy.close());
  const canaries = new Canaries();
  const accessKey = freshAccessKey();
  context.cleanUp(setAwsEnvironment(accessKey));
  const store = await openRefusingStore(context, form, {
    name: 'DynamoDB',
    onlineStore: { type: 'dynamodb', region: 'us-east-1', endpoint_url: proxy.url },
    env: { ...awsEnvironment(accessKey), AWS_SECRET_ACCESS_KEY: canaries.create('the secret access key') },
    // DynamoDB Local is slow at first.
    sideboard: { dynamodb: { connect_timeout_ms: 5_000, request_timeout_ms: 20_000 } },
    perSecond: { long: 30, short: 25 },
    askDeadlineMs: 1_000,
    canaries,
  });
  const restore = (): void => proxy.intervene(undefined);
  const interventions = { throttled: 0, cut: 0 };
  const throttle = async () => {
    interventions.throttled++;
    return THROTTLED;
  };
  // How often a request came: the same one is throttled once, and then not for two times.
  const seen = new Map<string, number>();
  await store.refuse({
    name: 'one request in three throttled',
    inject: () =>
      proxy.intervene((call, forward) => {
        const text = call.action + JSON.stringify(call.body);
        const times = seen.get(text) ?? 0;
        seen.set(text, times + 1);
        return times % 3 === 0 ? throttle() : forward();
      }),
    restore,
    questions: [reading('OK'), writing('OK')],
    load: 'unharmed',
  });
  let turn = 0;
  await store.refuse({
    name: 'keys left unprocessed',
    inject: () =>
      proxy.intervene((call, forward) => {
        if (call.action !== 'BatchGetItem' || turn++ % 2 === 0) return forward();
        interventions.cut++;
        return processOnly(1 + context.random(8), call, forward);
      }),
    restore,
    questions: [reading('OK')],
    load: 'unharmed',
  });
  await store.refuse({
    name: 'every request throttled',
    inject: () => proxy.intervene(throttle),
    restore,
    questions: [reading('STORE_UNAVAILABLE', 'throttled until'), writing('STORE_UNAVAILABLE', 'throttled until')],
    load: 'kept waiting',
  });
  const { figures, notes } = await store.finish();
  const sheet = new FigureSheet(form);
  sheet.atLeast('DynamoDB: requests that were throttled', interventions.throttled, 20);
  sheet.atLeast('DynamoDB: requests of which keys were left unprocessed', interventions.cut, 5);
  sheet.note('DynamoDB Local neither throttles nor leaves keys: a proxy before it did, in the words of DynamoDB.');
  const own = sheet.report();
  return { figures: [...figures, ...own.figures], notes: [...notes, ...own.notes] };
}
