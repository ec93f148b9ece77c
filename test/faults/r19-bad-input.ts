import { gzipSync } from 'node:zlib';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  FieldStatus,
  GetOnlineFeaturesRequestSchema,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import { type Value, ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { http2Call, openSession, statusOf } from '../support/http2-call.ts';
import { grpcMessage } from '../support/http2-wire.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { JOIN_KEY, markedFeatures, markOf } from './data/marked-data.ts';
import { markedRequest } from './data/marked-requests.ts';
import { FigureSheet, type Form } from './harness/figures.ts';
import type { FaultRow, RowContext } from './harness/row.ts';
import { type Asker, codeOf, openAsker } from './load/asker.ts';
import type { CallOutcome } from './load/grpc-caller.ts';
import { failedOf, judgeInvariants } from './load/load-figures.ts';
import { sampleProcess, startSampler } from './product/process-samples.ts';
import { IMAGE_NODE_OPTIONS, judgeProduct, type Product, startProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const PATH = '/feast.serving.ServingService/GetOnlineFeatures';
const MIB = 1024 * 1024;
const MOST_MB = 100;
/** Statuses that noise may end with: what was wrong is named, or it happened to be a request. */
const NOISE = new Set(['OK', 'INVALID_ARGUMENT', 'NOT_FOUND', 'RESOURCE_EXHAUSTED']);

export const badInput: FaultRow = {
  id: 'R19',
  title: 'bad input',
  injected:
    'messages of 5 MiB, a gzip bomb, 60 and 100 KB of metadata, a million entities, unknown and repeated features, empty requests, odd ' +
    'values, SQL and NUL in keys; and random bytes: a million messages (3,000 in the short form)',
  shortLimitMs: 120_000,
  mutations: [
    {
      name: 'any number of entities is taken',
      file: 'src/serving/request-limits.js',
      find: 'if (rows > maxEntities)',
      replace: 'if (false)',
      fails: 'wrong requests',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const { product, load: start } = await createRedisScene(context, form, {
      direct: true,
      product: { env: { NODE_OPTIONS: IMAGE_NODE_OPTIONS } },
    });
    sheet.note(`The product runs with the options of the container image: ${IMAGE_NODE_OPTIONS}.`);
    const load = await start({ deadlineMs: form === 'long' ? 1_000 : 5_000 });
    await load.untilOk(100);
    const before = sampleProcess(product.pid);
    const sampler = startSampler(product.pid, 100, context.cleanUp);
    const asker = await openAsker(context, product.address, { connections: 8 });
    await judgeCases(sheet, product, asker);
    await judgeNoise(context, sheet, asker, form === 'long' ? 1_000_000 : 3_000);
    const most = Math.max(...sampler.stop().map(({ rssMb }) => rssMb));
    await load.untilOk(50);
    const result = await load.stop();
    judgeInvariants(sheet, result);
    sheet.none(
      `of ${result.phases.reduce((sum, { sent }) => sum + sent, 0)} calls on other connections, those that failed`,
      result.phases.reduce((sum, phase) => sum + failedOf(phase), 0),
      result.phases.flatMap(({ failureTexts }) => failureTexts),
    );
    sheet.atMost('memory that it took', most - before.rssMb, { long: MOST_MB }, 'MB');
    await judgeProduct(sheet, product);
    await judgeTexts(context, form, sheet);
    return sheet.report();
  },
};

/** Requests that are wrong in one way each, and the code that says so. */
async function judgeCases(sheet: FigureSheet, product: Product, asker: Asker): Promise<void> {
  const item = (value: Value['val']): Value => create(ValueSchema, { val: value });
  const int64 = (value: bigint): Value => item({ case: 'int64Val', value });
  const request = (features: readonly string[], entities: Readonly<Record<string, readonly Value[]>>): Uint8Array =>
    toBinary(
      GetOnlineFeaturesRequestSchema,
      create(GetOnlineFeaturesRequestSchema, {
        kind: { case: 'features', value: { val: [...features] } },
        entities: Object.fromEntries(Object.entries(entities).map(([name, val]) => [name, { val: [...val] }])),
      }),
    );
  const known = markedFeatures.map(({ view, name }) => `${view}:${name}`).slice(0, 3);
  const one = { [JOIN_KEY]: [int64(1n)] };
  const of = (value: Value['val']) => ({ [JOIN_KEY]: [item(value)] });
  const invalidUtf8 = Buffer.from(request(['left:left_0~~'], one)).map((byte) => (byte === 0x7e ? 0xff : byte));
  const cases: Readonly<Record<string, readonly [Uint8Array, string]>> = {
    'no bytes': [Buffer.alloc(0), 'NO_FEATURES_REQUESTED'],
    'no features': [request([], one), 'NO_FEATURES_REQUESTED'],
    'no entities': [request(known, {}), 'MISSING_JOIN_KEY'],
    'no rows': [request(known, { [JOIN_KEY]: [] }), 'OK'],
    'a million rows': [request(known, { [JOIN_KEY]: Array<Value>(1_000_000).fill(int64(1n)) }), 'TOO_MANY_ENTITIES'],
    '100,000 features': [
      request(Array<string>(100_000).fill('left:left_0'), one),
      'TOO_MANY_FEATURES,DUPLICATE_FEATURE_NAMES',
    ],
    'a feature twice': [request([known[0] ?? '', known[0] ?? ''], one), 'DUPLICATE_FEATURE_NAMES'],
    'an unknown feature': [request(['left:none'], one), 'UNKNOWN_FEATURE'],
    'an unknown view': [request(['none:left_0'], one), 'UNKNOWN_FEATURE_VIEW'],
    'SQL as a feature': [request(["left:left_0'; DROP TABLE faults_left; --"], one), 'UNKNOWN_FEATURE'],
    'no reference': [request(['left_0'], one), 'INVALID_FEATURE_REFERENCE'],
    'a column of no view': [request(known, { ...one, none: [int64(1n)] }), 'UNKNOWN_ENTITY_COLUMN'],
    'columns of unequal length': [
      request(known, { [JOIN_KEY]: [int64(1n)], none: [] }),
      'UNKNOWN_ENTITY_COLUMN,UNEVEN_COLUMNS',
    ],
    'NaN as a key': [request(known, of({ case: 'doubleVal', value: Number.NaN })), 'INVALID_ENTITY_VALUE'],
    'a text with NUL as a number': [request(known, of({ case: 'stringVal', value: '1\0' })), 'INVALID_ENTITY_VALUE'],
    'a value that is none': [request(known, of({ case: undefined })), 'INVALID_ENTITY_VALUE'],
    'the smallest number': [request(known, of({ case: 'int64Val', value: -(2n ** 63n) })), 'OK'],
    'the largest number': [request(known, of({ case: 'int64Val', value: 2n ** 63n - 1n })), 'OK'],
    'a text that is not UTF-8': [invalidUtf8, 'MALFORMED_REQUEST,UNKNOWN_FEATURE,INVALID_FEATURE_REFERENCE'],
    '5 MiB': [Buffer.alloc(5 * MIB), 'MESSAGE_TOO_LARGE'],
  };
  const others: string[] = [];
  for (const [name, [message, codes]] of Object.entries(cases)) {
    const outcome = await asker.ask(message);
    if (!codes.split(',').includes(codeOf(outcome))) others.push(`${name}: ${codeOf(outcome)} ${outcome.text ?? ''}`);
  }
  sheet.none(
    `of ${Object.keys(cases).length} wrong requests, those not answered with their code`,
    others.length,
    others,
  );
  const session = openSession(product.address);
  const bomb = grpcMessage(gzipSync(Buffer.alloc(100 * MIB)), 1);
  const bombed = await http2Call(session, PATH, { headers: { 'grpc-encoding': 'gzip' }, frames: [bomb] });
  sheet.equal(
    'a gzip bomb of 100 MiB',
    `${statusOf(bombed)} ${bombed.trailers['sideboard-code'] ?? bombed.headers['sideboard-code']}`,
    '8 MESSAGE_TOO_LARGE',
  );
  const message = grpcMessage(Buffer.from(markedRequest([1]).bytes));
  const withHeaders = (kb: number) => ({
    headers: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`x-part-${n}`, 'v'.repeat((kb * 1_000) / 20)])),
    frames: [message],
  });
  sheet.equal('60 KB of metadata: status', statusOf(await http2Call(session, PATH, withHeaders(60))) ?? 'none', 0);
  const neighbour = http2Call(session, PATH, { frames: [message] });
  const refused = await http2Call(session, PATH, withHeaders(100));
  sheet.equal('100 KB of metadata: the call is reset with ENHANCE_YOUR_CALM', refused.resetCode, 11);
  sheet.equal('a call beside it on the same connection: status', statusOf(await neighbour) ?? 'none', 0);
  session.destroy();
}

/** Random bytes, and requests with random changes; whatever is answered must hold together. */
async function judgeNoise(context: RowContext, sheet: FigureSheet, asker: Asker, count: number): Promise<void> {
  const { random } = context;
  const codes = new Map<string, number>();
  const wrong: string[] = [];
  let done = 0;
  await asker.askAll(
    count,
    64,
    () => noise(random),
    (outcome) => {
      codes.set(outcome.code, (codes.get(outcome.code) ?? 0) + 1);
      const error = outcome.message === undefined ? refusalError(outcome) : answerError(outcome.message);
      if (error !== undefined) wrong.push(error);
      if (++done % 200_000 === 0) context.say(`${done.toLocaleString('en-US')} messages`);
    },
  );
  sheet.none(
    `of ${count.toLocaleString('en-US')} random messages, those without an explicit code, or with a wrong answer`,
    wrong.length,
    wrong,
  );
  sheet.tell('how they ended', [...codes].map(([code, times]) => `${times} ${code}`).join(', '));
}

function noise(random: SeededRandom): Uint8Array {
  if (random(3) === 0) return Buffer.from(Array.from({ length: random(200) }, () => random(256)));
  const features = markedFeatures.slice(random(10), 11 + random(9));
  let bytes = Buffer.from(markedRequest([1 + random(1_000), 1 + random(1_000)], features).bytes);
  for (let change = 0; change <= random(4); change++) {
    const at = random(bytes.length);
    bytes[at] = random(2) === 0 ? (bytes[at] ?? 0) ^ (1 << random(8)) : random(256);
  }
  if (random(4) === 0) bytes = bytes.subarray(0, random(bytes.length));
  return bytes;
}

function refusalError({ code, sideboardCode, text }: CallOutcome): string | undefined {
  return NOISE.has(code) && sideboardCode !== undefined ? undefined : `${code} ${sideboardCode}: ${text}`;
}

/** Whether every value that is present belongs to the feature and the entity beside which it stands. */
function answerError(message: Uint8Array): string | undefined {
  const { results, metadata } = fromBinary(GetOnlineFeaturesResponseSchema, message);
  const names = metadata?.featureNames?.val ?? [];
  const entities = results[names.indexOf(JOIN_KEY)]?.values ?? [];
  for (const [column, { values, statuses }] of results.entries()) {
    if (names[column] === JOIN_KEY) continue;
    for (const [row, value] of values.entries()) {
      if (statuses[row] !== FieldStatus.PRESENT) continue;
      const mark = markOf(value);
      const isRight = mark?.feature.name === names[column] && BigInt(mark?.entity ?? -1) === numberOf(entities[row]);
      if (!isRight) return `${names[column]}: ${String(value.val.value)}`;
    }
  }
  return undefined;
}

/** An entity may be sent in any type that its number fits into. */
function numberOf(entity: Value | undefined): bigint | undefined {
  const value = entity?.val.value;
  return typeof value === 'bigint' || typeof value === 'number' ? BigInt(value) : undefined;
}

/** Texts as keys, on a store that is asked in SQL. */
async function judgeTexts(context: RowContext, _form: Form, sheet: FigureSheet): Promise<void> {
  const repo = createSqliteRepo('multiview');
  context.cleanUp(() => repo.remove());
  const product = await startProduct(context, { repo: repo.path });
  const asker = await openAsker(context, product.address);
  const ask = (text: string): Promise<CallOutcome> =>
    asker.ask(
      toBinary(
        GetOnlineFeaturesRequestSchema,
        create(GetOnlineFeaturesRequestSchema, {
          kind: { case: 'features', value: { val: ['customer_profile:name'] } },
          entities: { customer_id: { val: [{ val: { case: 'stringVal', value: text } }] } },
        }),
      ),
    );
  const before = await ask('c1');
  const texts = [
    "'; DROP TABLE shop_customer_profile; --",
    '" OR 1=1',
    '\0',
    'c1\0',
    '',
    '%',
    '\u{1f4a9}',
    'x'.repeat(70_000),
  ];
  const others: string[] = [];
  for (const text of texts) {
    const { code, message } = await ask(text);
    const status =
      message === undefined ? code : fromBinary(GetOnlineFeaturesResponseSchema, message).results[1]?.statuses[0];
    if (status !== FieldStatus.NOT_FOUND) others.push(`${text.slice(0, 20)}: ${status}`);
  }
  sheet.none(`of ${texts.length} odd texts as keys, those not answered with NOT_FOUND`, others.length, others);
  const after = await ask('c1');
  const isSame = before.message !== undefined && after.message?.equals(before.message) === true;
  sheet.equal('a row that is there is answered as before them', isSame, true);
  await judgeProduct(sheet, product);
}
