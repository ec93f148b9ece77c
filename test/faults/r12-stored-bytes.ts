import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  FieldStatus,
  FieldStatusSchema,
  type GetOnlineFeaturesResponse,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import { type Value, ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { serializeEntityKey } from '../../src/encoding/entity-key.ts';
import { encodeTime, featureField, projectSuffix, redisKey, timeField } from '../../src/stores/redis/redis-layout.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import {
  FIRST_SECOND,
  type MarkedFeature,
  markedBytes,
  markedFeatures,
  markedViews,
  PROJECT,
} from './data/marked-data.ts';
import { markedRow, writeMarkedProject } from './data/marked-project.ts';
import { markedRequest } from './data/marked-requests.ts';
import { FigureSheet } from './harness/figures.ts';
import type { FaultRow } from './harness/row.ts';
import { codeOf, openAsker } from './load/asker.ts';
import type { CallOutcome } from './load/grpc-caller.ts';
import { failedOf, judgeInvariants } from './load/load-figures.ts';
import { judgeProduct, startProduct } from './product/product.ts';
import { createRedisScene, type RedisScene } from './product/redis-scene.ts';

const POPULATION = 500;
/** Entities beyond those of the load, whose rows are spoiled. */
const FIRST_SPOILED = 10_001;
const SPOILED = 200;
/** Statuses by which bytes that are not a valid row may be refused. */
const REFUSALS = ['STORED_VALUE_CORRUPT', 'STORED_TYPE_MISMATCH', 'STORE_CORRUPT'];
const DAY = 86_400;

/** What protobuf's own library makes of stored bytes: a value of the declared type, none at all, or nothing that fits. */
type Meaning = { readonly kind: 'value'; readonly value: Value } | { readonly kind: 'null' | 'unusable' };

export const spoiledRows: FaultRow = {
  id: 'R12',
  title: 'spoiled rows in the store',
  injected:
    'stored bytes cut at every length, of other types, changed at random; times that are none or to come; keys of version 2',
  mutations: [
    {
      name: 'values are not looked at',
      file: 'src/serving/judge.js',
      find: 'if (kind > StoredKind.expected)',
      replace: 'if (false)',
      fails: 'delivered although',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const scene = await createRedisScene(context, form, { population: POPULATION, direct: true });
    const load = await scene.load({ deadlineMs: form === 'long' ? 100 : 5_000 });
    await load.untilOk(50);
    await cutValues(context, scene, sheet);
    await changedValues(context, scene, sheet, form === 'long' ? 100_000 : 1_500);
    await spoiledTimes(context, scene, sheet);
    await olderKeys(context, scene, sheet);
    const result = await load.stop();
    judgeInvariants(sheet, result);
    sheet.none(
      'calls of neighbours that failed',
      result.phases.reduce((sum, phase) => sum + failedOf(phase), 0),
    );
    await judgeProduct(sheet, scene.product);
    return sheet.report();
  },
};

type Context = Parameters<FaultRow['run']>[0];

/** Every beginning of a value, and values of other types, under two features. */
async function cutValues(context: Context, scene: RedisScene, sheet: FigureSheet): Promise<void> {
  const cases: { feature: MarkedFeature; bytes: Uint8Array }[] = [];
  for (const feature of markedFeatures.slice(0, 2)) {
    const whole = markedBytes({ feature, entity: FIRST_SPOILED, version: 1 });
    for (let length = 0; length < whole.length; length++) cases.push({ feature, bytes: whole.subarray(0, length) });
    for (const bytes of otherTypes()) cases.push({ feature, bytes });
  }
  const counts = await judgeCases(context, scene, cases);
  sheet.none(
    `of ${cases.length} cut or mistyped values, those delivered although they are none`,
    counts.wrong.length,
    counts.wrong,
  );
  sheet.none('those refused in another way', counts.otherCodes.length, counts.otherCodes);
}

function otherTypes(): Uint8Array[] {
  const values: Value['val'][] = [
    { case: 'int32Val', value: 7 },
    { case: 'doubleVal', value: Number.NaN },
    { case: 'floatVal', value: 1.5 },
    { case: 'boolVal', value: true },
    { case: 'bytesVal', value: Buffer.from('left_0/1@1|') },
    { case: 'unixTimestampVal', value: 1n },
    { case: 'int64ListVal', value: { $typeName: 'feast.types.Int64List', val: [1n] } },
  ];
  const mistyped = values.map((val) => toBinary(ValueSchema, { $typeName: 'feast.types.Value', val }));
  // The right field in a wire type that is not its own, which readers pass over or misread.
  const [int64, text] = [ValueType_Enum.INT64, ValueType_Enum.STRING].map((arm) => arm << 3);
  const miswired = [int64, text].flatMap((tag = 0) => [
    [tag, 5],
    [tag | 1, 1, 2, 3, 4, 5, 6, 7, 8],
    [tag | 2, 2, 65, 66],
    [tag | 5, 1, 2, 3, 4],
  ]);
  return [...mistyped, ...miswired.map((bytes) => Buffer.from(bytes))];
}

async function changedValues(context: Context, scene: RedisScene, sheet: FigureSheet, count: number): Promise<void> {
  const { random } = context;
  const total = { wrong: [] as string[], otherCodes: [] as string[], refused: 0, delivered: 0, unreadable: 0 };
  for (let done = 0; done < count; done += SPOILED) {
    const cases = Array.from({ length: Math.min(SPOILED, count - done) }, (_, at) => {
      const feature = markedFeatures[random(markedFeatures.length)] as MarkedFeature;
      const bytes = spoil(markedBytes({ feature, entity: FIRST_SPOILED + at, version: 1 }), random);
      return { feature, bytes };
    });
    const counts = await judgeCases(context, scene, cases);
    total.wrong.push(...counts.wrong);
    total.otherCodes.push(...counts.otherCodes);
    total.refused += counts.refused;
    total.delivered += counts.delivered;
    total.unreadable += counts.unreadable;
  }
  sheet.none(
    `of ${count.toLocaleString('en-US')} values changed at random, those delivered although they mean something else`,
    total.wrong.length,
    total.wrong,
  );
  sheet.none('those refused in another way, or not at all', total.otherCodes.length, total.otherCodes);
  sheet.tell('refused; delivered because they still are values of the type', `${total.refused}; ${total.delivered}`);
  sheet.none('answers that a client cannot read', total.unreadable);
}

/** One to three changes of bytes, sometimes a cut or bytes at the end. */
function spoil(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  let spoiled = Buffer.from(bytes);
  for (let change = 0; change <= random(3); change++) {
    const at = random(4) === 0 ? 0 : random(Math.max(1, spoiled.length));
    if (spoiled.length > 0) spoiled[at] = random(2) === 0 ? (spoiled[at] ?? 0) ^ (1 << random(8)) : random(256);
  }
  if (random(4) === 0) spoiled = spoiled.subarray(0, random(spoiled.length + 1));
  if (random(6) === 0) spoiled = Buffer.concat([spoiled, Buffer.from([random(256), random(256)])]);
  return spoiled;
}

interface JudgedCases {
  readonly wrong: string[];
  readonly otherCodes: string[];
  refused: number;
  delivered: number;
  unreadable: number;
}

/** Stores each case under an entity of its own, asks for it, and compares with what protobuf's own library makes of the bytes. */
async function judgeCases(
  context: Context,
  scene: RedisScene,
  cases: readonly { readonly feature: MarkedFeature; readonly bytes: Uint8Array }[],
): Promise<JudgedCases> {
  const judged: JudgedCases = { wrong: [], otherCodes: [], refused: 0, delivered: 0, unreadable: 0 };
  const pipeline = scene.redis.client.pipeline();
  for (const [at, { feature, bytes }] of cases.entries()) {
    pipeline.hset(
      keyOf(FIRST_SPOILED + at),
      featureField(feature.view, feature.name),
      Buffer.from(bytes),
      timeField(feature.view),
      encodeTime({ seconds: FIRST_SECOND + 1, nanos: 0 }),
    );
  }
  await pipeline.exec();
  const asker = await openAsker(context, scene.product.address);
  const requests = cases.map(({ feature }, at) => markedRequest([FIRST_SPOILED + at], [feature]).bytes);
  await asker.askAll(
    cases.length,
    16,
    (at) => requests[at] ?? Buffer.alloc(0),
    (outcome, at) => {
      const spoiled = cases[at];
      if (spoiled === undefined) return;
      const { feature, bytes } = spoiled;
      judgeCase(
        judged,
        meaningOf(bytes, feature.type),
        outcome,
        `${feature.name} ${Buffer.from(bytes).toString('hex')}`,
      );
    },
  );
  asker.close();
  return judged;
}

function judgeCase(judged: JudgedCases, meaning: Meaning, outcome: CallOutcome, name: string): void {
  if (outcome.message === undefined) {
    judged.refused++;
    // A value that is one may be refused for how it is laid out only where it is not a usual one.
    if (!REFUSALS.includes(codeOf(outcome))) judged.otherCodes.push(`${name}: ${codeOf(outcome)}`);
    return;
  }
  const answer = answerOf(outcome.message);
  if (answer === undefined) {
    judged.unreadable++;
    return;
  }
  const [, column] = answer.results;
  const status = column?.statuses[0];
  const value = column?.values[0];
  if (status === FieldStatus.PRESENT && meaning.kind === 'value' && sameValue(value, meaning.value)) judged.delivered++;
  else if (status === FieldStatus.NULL_VALUE && meaning.kind === 'null') judged.delivered++;
  else judged.wrong.push(`${name}: status ${status}, ${String(value?.val.value).slice(0, 40)}, meant ${meaning.kind}`);
}

function answerOf(message: Uint8Array): GetOnlineFeaturesResponse | undefined {
  try {
    return fromBinary(GetOnlineFeaturesResponseSchema, message);
  } catch {
    return undefined;
  }
}

function meaningOf(bytes: Uint8Array, type: ValueType_Enum): Meaning {
  let value: Value;
  try {
    value = fromBinary(ValueSchema, bytes);
  } catch {
    return { kind: 'unusable' };
  }
  if (value.val.case === undefined || value.val.case === 'nullVal') return { kind: 'null' };
  return value.val.case === (type === ValueType_Enum.INT64 ? 'int64Val' : 'stringVal')
    ? { kind: 'value', value }
    : { kind: 'unusable' };
}

function sameValue(a: Value | undefined, b: Value): boolean {
  return a?.val.case === b.val.case && a?.val.value === b.val.value;
}

/** Event times: none, cut, no message, of 1970, and a day ahead. */
async function spoiledTimes(context: Context, scene: RedisScene, sheet: FigureSheet): Promise<void> {
  const [feature] = markedFeatures;
  if (feature === undefined) throw new RangeError('no feature');
  const usual = encodeTime({ seconds: FIRST_SECOND + 1, nanos: 500_000_000 });
  const ahead = Math.floor(Date.now() / 1000) + DAY;
  const cases: readonly { name: string; time: Uint8Array | undefined; code: string; seconds?: number }[] = [
    { name: 'cut', time: usual.subarray(0, usual.length - 1), code: 'STORE_CORRUPT' },
    { name: 'of another type', time: Buffer.from('120568656c6c6f', 'hex'), code: 'STORE_CORRUPT' },
    { name: 'noise', time: Buffer.from('ffffffff', 'hex'), code: 'STORE_CORRUPT' },
    { name: 'none', time: undefined, code: 'OK', seconds: 0 },
    { name: 'a day ahead', time: encodeTime({ seconds: ahead, nanos: 0 }), code: 'OK', seconds: ahead },
  ];
  const asker = await openAsker(context, scene.product.address);
  for (const [at, { name, time, code, seconds }] of cases.entries()) {
    const entity = FIRST_SPOILED + SPOILED + at;
    const value = Buffer.from(markedBytes({ feature, entity, version: 1 }));
    await scene.redis.client.hset(keyOf(entity), featureField(feature.view, feature.name), value);
    if (time !== undefined) await scene.redis.client.hset(keyOf(entity), timeField(feature.view), Buffer.from(time));
    const outcome = await asker.ask(markedRequest([entity], [feature]).bytes);
    if (code !== 'OK' || outcome.message === undefined) {
      sheet.equal(`an event time: ${name}`, codeOf(outcome), code);
      continue;
    }
    const [, column] = fromBinary(GetOnlineFeaturesResponseSchema, outcome.message).results;
    const found = `${column?.statuses[0] === FieldStatus.PRESENT ? 'PRESENT' : 'another status'} at ${column?.eventTimestamps[0]?.seconds}`;
    sheet.equal(`an event time: ${name}`, found, `PRESENT at ${seconds}`);
  }
}

/** Rows under keys of serialization version 2: nothing is found without the fallback, all with it. */
async function olderKeys(context: Context, scene: RedisScene, sheet: FigureSheet): Promise<void> {
  const entity = FIRST_SPOILED + SPOILED + 50;
  const [view] = markedViews;
  if (view === undefined) throw new RangeError('no view');
  const row = markedRow(view, entity, 1);
  const key = redisKey(serializeEntityKey(row.entityKey, 2), projectSuffix(PROJECT));
  for (const [name, value] of row.values)
    await scene.redis.client.hset(key, featureField(view.name, name), Buffer.from(value));
  await scene.redis.client.hset(key, timeField(view.name), encodeTime(row.eventTimestamp));
  const statuses = async (address: string): Promise<string> => {
    const asker = await openAsker(context, address);
    const { message, code } = await asker.ask(markedRequest([entity], view.features).bytes);
    if (message === undefined) return code;
    const { results } = fromBinary(GetOnlineFeaturesResponseSchema, message);
    const right = results.slice(1).every((column, at) => {
      const feature = view.features[at];
      const stored = feature === undefined ? undefined : row.values.get(feature.name);
      const value = column.values[0];
      return stored !== undefined && value !== undefined && Buffer.compare(toBinary(ValueSchema, value), stored) === 0;
    });
    const names = new Set(results.slice(1).map((column) => FieldStatusSchema.value[column.statuses[0] ?? 0]?.name));
    return `${[...names].join('+')}${right ? ' with its values' : ''}`;
  };
  sheet.equal('a row under a key of version 2', await statuses(scene.product.address), 'NOT_FOUND');
  const repo = join(context.folder, 'with-fallback');
  writeMarkedProject(repo, {
    onlineStore: { type: 'redis', connection_string: `127.0.0.1:${scene.redis.port}` },
    sideboard: { entity_key_fallback: 'v2' },
  });
  const product = await startProduct(context, { repo });
  sheet.equal('the same with the fallback', await statuses(product.address), 'PRESENT with its values');
  await judgeProduct(sheet, product);
}

function keyOf(entity: number): Buffer {
  const [view] = markedViews;
  if (view === undefined) throw new RangeError('no view');
  return redisKey(serializeEntityKey(markedRow(view, entity, 1).entityKey), projectSuffix(PROJECT));
}
