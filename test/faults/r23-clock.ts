import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { FieldStatus, GetOnlineFeaturesResponseSchema } from '../../gen/feast/serving/ServingService_pb.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { FIRST_SECOND, markedViews, markOf } from './data/marked-data.ts';
import { markedRegistry, openMarkedStore, writeMarkedProject } from './data/marked-project.ts';
import { markedRequest, markedRing } from './data/marked-requests.ts';
import { FigureSheet } from './harness/figures.ts';
import type { FaultRow, RowContext } from './harness/row.ts';
import type { Asker } from './load/asker.ts';
import { openAsker } from './load/asker.ts';
import { judgeInvariants, okPercent } from './load/load-figures.ts';
import { monotonicMs } from './load/load-spec.ts';
import { startLoad } from './load/start-load.ts';
import { judgeProduct, startProduct } from './product/product.ts';
import { baseLoad } from './product/redis-scene.ts';

const HOUR = 3_600;
/** Time to live of each view, in seconds. */
const TTLS: ReadonlyMap<string, bigint> = new Map([
  ['left', BigInt(HOUR / 2)],
  ['right', BigInt(2 * HOUR)],
]);
/** Rows whose time comes this near to a boundary would depend on how long the run takes. */
const MARGIN = 300;
/** Entities from here on have ages of their own; those before never expire. */
const FIRST_AGED = 1_001;
const FRESH = 200;

/** Moves the clock of the process by what a file says, in milliseconds. */
const CLOCK = `
import { readFileSync } from 'node:fs';
const file = process.env.FAULTS_CLOCK;
const now = Date.now;
const RealDate = Date;
let shift = 0;
const look = () => { try { shift = Number(readFileSync(file, 'utf8')); } catch {} };
look();
setInterval(look, 20).unref();
Date.now = () => now() + shift;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now() + shift);
    else super(...args);
  }
};
globalThis.Date.now = () => now() + shift;
`;

export const shiftedClock: FaultRow = {
  id: 'R23',
  title: 'a clock that is wrong, and that jumps',
  injected: "the process's clock an hour behind and ahead, and jumps between the three under load",
  shortLimitMs: 120_000,
  mutations: [
    {
      name: 'rows expire an hour late',
      file: 'src/serving/judge.js',
      find: 'return now - (seconds * 1000 + nanos / 1_000_000) > plan.ttlMs;',
      replace: 'return now - 3_600_000 - (seconds * 1000 + nanos / 1_000_000) > plan.ttlMs;',
      fails: 'statuses',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const redis = await startRedisServer();
    context.cleanUp(() => redis.remove());
    const repo = join(context.folder, 'repo');
    writeMarkedProject(repo, { onlineStore: { type: 'redis', connection_string: `127.0.0.1:${redis.port}` } });
    writeFileSync(join(repo, 'registry.db'), registryWithTtls());
    const now = Math.floor(Date.now() / 1000);
    const ages = agesOf(context, form === 'long' ? 2_000 : 200);
    const later = now + 2 * HOUR - FIRST_SECOND;
    const store = await openMarkedStore(repo);
    await store.write(
      Array.from({ length: FRESH }, (_, at) => at + 1),
      later,
    );
    for (const [entity, age] of ages) await store.write([entity], now - age - FIRST_SECOND);
    await store.close();
    const clock = join(context.folder, 'clock');
    const shift = (seconds: number): void => writeFileSync(clock, String(seconds * 1000));
    shift(0);
    writeFileSync(join(context.folder, 'clock.mjs'), CLOCK);
    const product = await startProduct(context, {
      repo,
      nodeArgs: ['--import', join(context.folder, 'clock.mjs')],
      env: { FAULTS_CLOCK: clock },
    });
    const asker = await openAsker(context, product.address, { connections: 4 });
    const ring = markedRing({ random: context.random, population: FRESH });
    const versions = { oldest: later, newest: later };
    const load = await startLoad(
      { ...baseLoad(form, product, ring), deadlineMs: form === 'long' ? 100 : 5_000, versions },
      context.cleanUp,
    );
    await load.untilOk(50);
    const jumps: number[] = [];
    let wasShift = 0;
    for (const hours of form === 'long' ? [0, -1, 1, 0, 1, -1, 0] : [0, -1, 1, 0]) {
      if (hours !== wasShift) {
        jumps.push(monotonicMs());
        shift(hours * HOUR);
        wasShift = hours;
      }
      await load.untilEnded(20);
      // A second and more, so that there are calls to judge behind the jump.
      await load.untilOk(form === 'long' ? 1_000 : 150);
      const wrong = await wrongStatuses(asker, ages, hours * HOUR);
      sheet.none(
        `with a shift of ${hours} h, of ${ages.size * 2} rows those whose statuses are not as computed`,
        wrong.length,
        wrong,
      );
    }
    const result = await load.stop();
    judgeInvariants(sheet, result);
    const late = jumps.map((at, index) => okPercent(result, at + 1_000, jumps[index + 1]));
    sheet.atLeast('answered well from a second behind each jump on', Math.min(...late), { long: 100, short: 90 }, '%');
    sheet.tell('answered well over all', okPercent(result, 0), '%');
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

function registryWithTtls(): Uint8Array {
  const registry = fromBinary(RegistrySchema, markedRegistry());
  for (const { spec } of registry.featureViews) {
    if (spec?.ttl !== undefined) spec.ttl.seconds = TTLS.get(spec.name) ?? 0n;
  }
  return toBinary(RegistrySchema, registry);
}

/** Ages of rows in seconds by entity: from an hour to come to four hours back, none near where it would change its status. */
function agesOf({ random }: RowContext, count: number): ReadonlyMap<number, number> {
  const boundaries = [...TTLS.values()].flatMap((ttl) => [-HOUR, 0, HOUR].map((shift) => Number(ttl) - shift));
  const ages = new Map<number, number>();
  while (ages.size < count) {
    const age = random(5 * HOUR) - HOUR;
    if (boundaries.every((boundary) => Math.abs(age - boundary) > MARGIN)) ages.set(FIRST_AGED + ages.size, age);
  }
  return ages;
}

/** Asks for all rows, and compares values and statuses with what the shifted clock makes of their ages. */
async function wrongStatuses(asker: Asker, ages: ReadonlyMap<number, number>, shift: number): Promise<string[]> {
  const wrong: string[] = [];
  const entities = [...ages.keys()];
  const asked = markedViews.flatMap(({ features }) => features.slice(0, 2));
  await asker.askAll(
    entities.length,
    8,
    (at) => markedRequest([entities[at] ?? 0], asked).bytes,
    ({ message, code }, at) => {
      const entity = entities[at] ?? 0;
      if (message === undefined) {
        wrong.push(`${entity}: ${code}`);
        return;
      }
      const { results } = fromBinary(GetOnlineFeaturesResponseSchema, message);
      for (const [column, feature] of asked.entries()) {
        const age = ages.get(entity) ?? 0;
        const expired = age + shift > Number(TTLS.get(feature.view));
        const expected = expired ? FieldStatus.OUTSIDE_MAX_AGE : FieldStatus.PRESENT;
        const vector = results[column + 1];
        const value = vector?.values[0];
        const mark = value === undefined ? undefined : markOf(value);
        const isRight = mark?.entity === entity && mark.feature === feature && vector?.statuses[0] === expected;
        if (!isRight) wrong.push(`${feature.name} of ${entity}, ${age} s old: ${vector?.statuses[0]}, not ${expected}`);
      }
    },
  );
  return wrong;
}
