import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { askOnce } from '../../bench/load/ask-once.ts';
import { freePort, startChildServer } from '../../bench/servers/child-server.ts';
import { FEATURE_SERVER_METHOD } from '../../bench/servers/feast-python.ts';
import { projectRoot } from '../support/project-root.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { differenceOfAnswers } from './data/answer-differences.ts';
import { type MarkedFeature, markedFeatures, markedViews } from './data/marked-data.ts';
import { markedRow, openMarkedStore, writeMarkedProject } from './data/marked-project.ts';
import { markedRequest } from './data/marked-requests.ts';
import { FigureSheet } from './harness/figures.ts';
import { swappedRows } from './harness/mutations.ts';
import type { FaultRow, RowContext } from './harness/row.ts';
import { type CallOutcome, GrpcCaller } from './load/grpc-caller.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const POPULATION = 300;
/** Entities above the population have no rows. */
const ASKED_UP_TO = 340;
const AT_A_TIME = 16;
const TRIES = 100;
const CUT_EVERY_MS = 500;

export const feastOracle: FaultRow = {
  id: 'R24',
  title: "next to Feast's own server",
  injected:
    '10,000 random requests, half of them while Redis answers 50 ± 20 ms later, half while connections to it are reset; Feast reads the same Redis without faults',
  shortLimitMs: 120_000,
  mutations: [{ ...swappedRows, fails: 'differ' }],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const feast = join(projectRoot, '.venv', 'feast', 'bin', 'feast');
    const beside = join(projectRoot, '.venv', 'feast-grpc');
    if (!existsSync(feast) || !existsSync(beside)) context.skip('Feast is not installed: scripts/setup-feast-grpc.sh');
    const { proxy, product, redis } = await createRedisScene(context, form, {
      population: POPULATION,
      sideboard: { serving: { compatibility: 'feast-python' } },
    });
    const oracleRepo = join(context.folder, 'feast');
    writeMarkedProject(oracleRepo, {
      onlineStore: { type: 'redis', connection_string: `127.0.0.1:${redis.port}` },
    });
    await writeOddRows(oracleRepo);
    const oracle = await startFeast(context, feast, beside, oracleRepo);
    const comparison = new Comparison(
      await openCaller(context, product.address),
      await openCaller(context, oracle, FEATURE_SERVER_METHOD),
      context.random,
    );
    const requests = form === 'long' ? 10_000 : 200;
    proxy.set({ kind: 'latency', ms: 50, jitterMs: 20 });
    await comparison.compare(requests / 2);
    context.say(`${comparison.compared} answers compared`);
    proxy.set({ kind: 'reset', share: 0.1 });
    const cutting = setInterval(() => proxy.resetAll(), CUT_EVERY_MS);
    context.cleanUp(() => clearInterval(cutting));
    await comparison.compare(requests / 2);
    clearInterval(cutting);
    const { compared, differing, unanswered, madeAgain } = comparison;
    sheet.equal('answers compared, values and statuses byte by byte', compared, requests);
    sheet.none('answers that differ', differing.length, differing);
    sheet.none('requests without an answer from one of both', unanswered.length, unanswered);
    sheet.atLeast('calls that failed under the faults and were made again', madeAgain, { long: 1 });
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

/** Asks both servers the same and compares what they say. */
class Comparison {
  readonly #ours: GrpcCaller;
  readonly #theirs: GrpcCaller;
  readonly #random: SeededRandom;
  compared = 0;
  madeAgain = 0;
  readonly differing: string[] = [];
  readonly unanswered: string[] = [];

  constructor(ours: GrpcCaller, theirs: GrpcCaller, random: SeededRandom) {
    this.#ours = ours;
    this.#theirs = theirs;
    this.#random = random;
  }

  async compare(count: number): Promise<void> {
    let left = count;
    const work = async (): Promise<void> => {
      while (left-- > 0) await this.#compareOne();
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  }

  async #compareOne(): Promise<void> {
    const entities = Array.from({ length: 1 + this.#random(12) }, () => 1 + this.#random(ASKED_UP_TO));
    const request = markedRequest(entities, someFeatures(this.#random));
    const [ours, theirs] = await Promise.all([this.#answer(request.bytes), ask(this.#theirs, request.bytes)]);
    const what = `${entities.join()}: ${request.features.join()}`;
    if (ours.message === undefined || theirs.message === undefined) {
      this.unanswered.push(`${what}: ${ours.code} ${ours.text ?? ''}, Feast ${theirs.code} ${theirs.text ?? ''}`);
      return;
    }
    this.compared++;
    const difference = differenceOfAnswers(ours.message, theirs.message);
    if (difference !== undefined) this.differing.push(`${what}: ${difference}`);
  }

  /** Under the faults a call may fail; it says so, and is made again. */
  async #answer(message: Uint8Array): Promise<CallOutcome> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await ask(this.#ours, message);
      if (outcome.message !== undefined || attempt === TRIES) return outcome;
      this.madeAgain++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function ask(caller: GrpcCaller, message: Uint8Array): Promise<CallOutcome> {
  return new Promise((resolve) => caller.call(message, resolve));
}

/** Some of the features, out of order. */
function someFeatures(random: SeededRandom): readonly MarkedFeature[] {
  const all = [...markedFeatures];
  for (let index = all.length - 1; index > 0; index--) {
    const other = random(index + 1);
    const [a, b] = [all[index], all[other]];
    if (a !== undefined && b !== undefined) [all[index], all[other]] = [b, a];
  }
  return all.slice(0, 1 + random(all.length));
}

/** Over the plain rows, some newer ones with nulls, and entities with rows of one view only and of few features. */
async function writeOddRows(repo: string): Promise<void> {
  const marked = await openMarkedStore(repo);
  try {
    for (const [index, view] of markedViews.entries()) {
      const rows = Array.from({ length: POPULATION }, (_, entity) => markedRow(view, entity + 1, 2));
      const withNulls = rows
        .filter((_, entity) => entity % 7 === index)
        .map((row) => ({
          ...row,
          values: new Map([...row.values].map(([name, bytes], n) => [name, n % 3 === 0 ? new Uint8Array() : bytes])),
        }));
      await marked.store.onlineWriteBatch(marked.tableOf(view), withNulls);
      const few = Array.from({ length: 10 }, (_, n) => markedRow(view, POPULATION + 1 + 10 * index + n, 1)).map(
        (row) => ({
          ...row,
          values: new Map([...row.values].slice(0, 4)),
        }),
      );
      await marked.store.onlineWriteBatch(marked.tableOf(view), few);
    }
  } finally {
    await marked.close();
  }
}

/** `feast listen`. @returns its address */
async function startFeast(context: RowContext, feast: string, beside: string, repo: string): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`;
  const endpoint = { kind: 'grpc', address, path: FEATURE_SERVER_METHOD } as const;
  const server = await startChildServer({
    what: 'feast listen',
    command: feast,
    args: ['--chdir', repo, 'listen', '--address', address, '--registry_ttl_sec', '600'],
    env: { ...process.env, FEAST_USAGE: 'False', PYTHONPATH: beside },
    isUp: () => askOnce(endpoint, [markedRequest([1]).bytes]),
  });
  context.cleanUp(() => server.stop());
  return address;
}

async function openCaller(context: RowContext, address: string, path?: string): Promise<GrpcCaller> {
  const caller = new GrpcCaller({
    address,
    connections: 4,
    deadlineMs: 10_000,
    giveUpMs: 20_000,
    metadata: {},
    ...(path === undefined ? {} : { path }),
  });
  context.cleanUp(() => caller.close());
  await caller.open();
  return caller;
}
