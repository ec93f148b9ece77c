import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../support/project-root.ts';
import { checkAnswer } from './data/check-answer.ts';
import { markedViews } from './data/marked-data.ts';
import { markedRow, openMarkedStore, writeMarkedProject } from './data/marked-project.ts';
import { markedRequest } from './data/marked-requests.ts';
import { FigureSheet } from './harness/figures.ts';
import { rememberedAnswers, tornRow } from './harness/mutations.ts';
import type { FaultRow, RowContext } from './harness/row.ts';
import { anomaliesOf, historyText, type ReadStep, type WriteStep } from './history/history.ts';
import { type CallOutcome, GrpcCaller } from './load/grpc-caller.ts';
import { monotonicMs } from './load/load-spec.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene, type RedisScene } from './product/redis-scene.ts';

const READERS = 8;
const ENTITIES = 20;
const PER_REQUEST = 5;
const NEWEST = 100_000_000;

export const oneWriter: FaultRow = {
  id: 'R22',
  title: 'one writer and eight readers',
  injected:
    'one writer raises the versions of rows in Redis while eight readers read them through Sideboard, and faults come and go between Sideboard and Redis',
  mutations: [rememberedAnswers, tornRow],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const scene = await createRedisScene(context, form, { population: ENTITIES });
    const until = monotonicMs() + (form === 'long' ? 60_000 : 5_000);
    const isOver = (): boolean => monotonicMs() > until;
    const readers = Array.from({ length: READERS }, (_, reader) => createReader(context, scene, reader));
    const [writes] = await Promise.all([
      writeVersions(context, scene, isOver),
      spoil(context, scene, isOver),
      ...readers.map((reader) => reader.run(isOver)),
    ]);
    const reads = readers.flatMap((reader) => reader.reads);
    const wrong = readers.flatMap((reader) => reader.wrong);
    const file = saveHistory(context.seed, historyText({ writes, reads }));
    const { older, unwritten, backwards } = anomaliesOf({ writes, reads });
    sheet.tell('versions written, reads that were OK', `${writes.length}, ${reads.length}`);
    sheet.atLeast('reads', reads.length, 50);
    // Of rows that nobody changes every reading would be right.
    sheet.atLeast('writes', writes.length, 50);
    sheet.none('torn, swapped or missing rows', wrong.length, wrong);
    sheet.none('reads that were older than what was acknowledged', older.length, older);
    sheet.none('reads that a reader had seen newer', backwards.length, backwards);
    sheet.none('reads of what nobody had written', unwritten.length, unwritten);
    const failures = new Map<string, number>();
    for (const { failed } of readers)
      for (const [code, count] of failed) failures.set(code, (failures.get(code) ?? 0) + count);
    const explicit = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED'];
    sheet.tell('reads that failed', [...failures].map(([code, count]) => `${count} ${code}`).join(', ') || 'none');
    sheet.atLeast('reads that failed of the faults', sumOf(failures.values()), { long: 1 });
    sheet.none(
      'reads that failed without a status of their own',
      [...failures.keys()].filter((code) => !explicit.includes(code)).length,
    );
    sheet.note(`The history of the run is in \`${file}\` of the machine that ran it.`);
    await judgeProduct(sheet, scene.product);
    return sheet.report();
  },
};

function sumOf(counts: Iterable<number>): number {
  return [...counts].reduce((sum, count) => sum + count, 0);
}

/** Raises the version of one row after the other, past the faults: straight into Redis. */
async function writeVersions(context: RowContext, scene: RedisScene, isOver: () => boolean): Promise<WriteStep[]> {
  const repo = join(context.folder, 'writer');
  writeMarkedProject(repo, { onlineStore: { type: 'redis', connection_string: `127.0.0.1:${scene.redis.port}` } });
  const marked = await openMarkedStore(repo);
  const steps: WriteStep[] = [];
  const versions = new Map<number, number>();
  try {
    while (!isOver()) {
      const entity = 1 + context.random(ENTITIES);
      const version = (versions.get(entity) ?? 1) + 1;
      versions.set(entity, version);
      for (const view of markedViews) {
        const beganMs = monotonicMs();
        await marked.store.onlineWriteBatch(marked.tableOf(view), [markedRow(view, entity, version)]);
        steps.push({ entity, view: view.name, version, beganMs, ackedMs: monotonicMs() });
      }
      await sleep(2);
    }
  } finally {
    await marked.close();
  }
  return steps;
}

interface Reader {
  readonly reads: readonly ReadStep[];
  readonly wrong: readonly string[];
  readonly failed: ReadonlyMap<string, number>;
  run(isOver: () => boolean): Promise<void>;
}

function createReader(context: RowContext, { product }: RedisScene, reader: number): Reader {
  const reads: ReadStep[] = [];
  const wrong: string[] = [];
  const failed = new Map<string, number>();
  const caller = new GrpcCaller({
    address: product.address,
    connections: 1,
    deadlineMs: 1_000,
    giveUpMs: 5_000,
    metadata: {},
  });
  context.cleanUp(() => caller.close());
  // Few different requests, so that the same one is asked again and again.
  const requests = Array.from({ length: 4 }, (_, first) =>
    markedRequest(
      Array.from({ length: PER_REQUEST }, (_, index) => 1 + ((first * PER_REQUEST + index + reader) % ENTITIES)),
    ),
  );
  return {
    reads,
    wrong,
    failed,
    async run(isOver) {
      await caller.open();
      for (let turn = 0; !isOver(); turn++) {
        const request = requests[turn % requests.length];
        if (request === undefined) break;
        const beganMs = monotonicMs();
        const outcome = await new Promise<CallOutcome>((resolve) => caller.call(request.bytes, resolve));
        const endedMs = monotonicMs();
        if (outcome.message === undefined) {
          failed.set(outcome.code, (failed.get(outcome.code) ?? 0) + 1);
          await sleep(10);
          continue;
        }
        const checked = checkAnswer(request, outcome.message, { oldest: 1, newest: NEWEST });
        if (checked.wrong !== undefined) wrong.push(`${checked.wrong}: ${checked.detail}`);
        else
          reads.push({
            reader,
            beganMs,
            endedMs,
            entities: request.entities,
            versions: Object.fromEntries(checked.versions),
          });
        await sleep(5);
      }
      caller.close();
    },
  };
}

/** One fault after the other between Sideboard and Redis, with pauses. */
async function spoil({ random }: RowContext, { proxy }: RedisScene, isOver: () => boolean): Promise<void> {
  const faults: readonly (() => unknown)[] = [
    () => proxy.set({ kind: 'latency', ms: 20, jitterMs: 20 }),
    () => proxy.set({ kind: 'reset', share: 0.5 }),
    () => proxy.set({ kind: 'slicer', bytes: 100, jitter: 90 }),
    () => proxy.set({ kind: 'hold' }),
    () => proxy.set({ kind: 'limit', bytes: 1 + random(20_000) }),
    () => proxy.resetAll(),
    () => proxy.down(),
  ];
  while (!isOver()) {
    await faults[random(faults.length)]?.();
    await sleep(50 + random(150));
    proxy.clear();
    await proxy.up();
    await sleep(100 + random(200));
  }
}

/** @returns where it is, from the top of the project */
function saveHistory(seed: number, text: string): string {
  const folder = join('.cache', 'faults');
  mkdirSync(join(projectRoot, folder), { recursive: true });
  const file = join(folder, `r22-${seed}.jsonl`);
  writeFileSync(join(projectRoot, file), text);
  return file;
}
