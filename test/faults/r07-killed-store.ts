import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fillMarkedProject, writeMarkedProject } from './data/marked-project.ts';
import { markedRing } from './data/marked-requests.ts';
import { FigureSheet, type Form } from './harness/figures.ts';
import { neverReconnect } from './harness/mutations.ts';
import { lasting } from './harness/pace.ts';
import type { FaultRow, RowContext } from './harness/row.ts';
import { codesText, firstOkAfter, judgeInvariants, phaseOf } from './load/load-figures.ts';
import { monotonicMs } from './load/load-spec.ts';
import { startLoad } from './load/start-load.ts';
import { judgeProduct, startProduct } from './product/product.ts';
import { baseLoad } from './product/redis-scene.ts';
import { type StoreKind, startStoreToKill } from './product/stores-to-kill.ts';

const DOWN_MS = 30_000;
const POPULATION = 300;
/** What a store answers in time, beside the others on one machine. */
const PER_SECOND: Readonly<Record<StoreKind, number>> = { Redis: 500, MariaDB: 200, 'DynamoDB Local': 30 };
const DEADLINE_MS: Readonly<Record<StoreKind, number>> = { Redis: 100, MariaDB: 200, 'DynamoDB Local': 1_000 };

export const killedStore: FaultRow = {
  id: 'R7',
  title: 'a store that is killed and comes back',
  injected: `SIGKILL of Redis, of MariaDB and of DynamoDB Local under load; each is started again after ${DOWN_MS / 1000} s`,
  shortLimitMs: 90_000,
  mutations: [neverReconnect],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    // DynamoDB Local alone takes as long to start as all else here.
    const kinds: readonly StoreKind[] = form === 'long' ? ['Redis', 'MariaDB', 'DynamoDB Local'] : ['Redis', 'MariaDB'];
    for (const kind of kinds) await killStore(context, form, kind, sheet);
    if (form === 'long') {
      sheet.note(
        `MariaDB was asked ${PER_SECOND.MariaDB} times a second with ${DEADLINE_MS.MariaDB} ms, DynamoDB Local ${PER_SECOND['DynamoDB Local']} times with ${DEADLINE_MS['DynamoDB Local']} ms: what these servers answer beside the others on one machine.`,
      );
    }
    return sheet.report();
  },
};

async function killStore(context: RowContext, form: Form, kind: StoreKind, sheet: FigureSheet): Promise<void> {
  const store = await startStoreToKill(kind);
  context.cleanUp(() => store.remove());
  const repo = join(context.folder, kind.replace(' ', '-'));
  writeMarkedProject(repo, { onlineStore: store.onlineStore });
  await fillMarkedProject(repo, POPULATION);
  const product = await startProduct(context, { repo, env: store.env });
  const ring = markedRing({ random: context.random, population: POPULATION });
  const usual = baseLoad(form, product, ring);
  const load = await startLoad(
    form === 'long'
      ? { ...usual, pace: { kind: 'open', perSecond: PER_SECOND[kind] }, deadlineMs: DEADLINE_MS[kind] }
      : { ...usual, pace: { kind: 'open', perSecond: 50 } },
    context.cleanUp,
  );
  await load.untilOk(20);
  await lasting(load, form, { longMs: 5_000, shortCalls: 50 });
  await store.kill();
  await load.untilEnded(5);
  await load.phase('down');
  context.say(`${kind} is down`);
  await sleep(form === 'long' ? DOWN_MS : 1_000);
  await load.phase('back');
  await store.start();
  const backAt = monotonicMs();
  if (await load.recovers(30, 15_000)) await lasting(load, form, { longMs: 5_000, shortCalls: 50 });
  const result = await load.stop();
  judgeInvariants(sheet, result);
  const down = phaseOf(result, 'down');
  sheet.tell(`${kind} down: calls ended with`, codesText(down));
  sheet.none(`${kind} down: calls that were OK`, down.ok);
  sheet.atMost(`${kind}: first OK after it was up`, firstOkAfter(result, backAt) / 1000, { long: 2, short: 5 }, 's');
  await judgeProduct(sheet, product);
  await store.remove();
}
