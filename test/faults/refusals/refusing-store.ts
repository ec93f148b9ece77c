import { join } from 'node:path';
import type { Canaries } from '../../support/canaries.ts';
import { until } from '../../support/until.ts';
import { fillMarkedProject, writeMarkedProject } from '../data/marked-project.ts';
import { markedRing } from '../data/marked-requests.ts';
import { FigureSheet, type Form, type RowReport } from '../harness/figures.ts';
import { lasting } from '../harness/pace.ts';
import type { RowContext } from '../harness/row.ts';
import { type Asker, codeOf, openAsker } from '../load/asker.ts';
import { failedOf, judgeInvariants, phaseOf } from '../load/load-figures.ts';
import type { LoadResult } from '../load/load-spec.ts';
import { startLoad } from '../load/start-load.ts';
import { judgeProduct, startProduct } from '../product/product.ts';
import { baseLoad } from '../product/redis-scene.ts';
import type { Question } from './questions.ts';

const POPULATION = 100;
/** So long that codes are the store's own on a busy machine too. */
const LOAD_DEADLINE_MS = 10_000;
const GIVE_UP_BEHIND_MS = 20_000;
const SEEN_WITHIN_MS = 20_000;
const LONG_MS = 5_000;
const SHORT_CALLS = 15;
/** Neither the breaker nor a queue answers in the store's place; all that is logged is looked at for secrets. */
const STORE_ALONE_SPEAKS = {
  breaker: { enabled: false },
  serving: { max_queue_age_ms: 60_000 },
  log: { level: 'debug' },
};
/** Strings of the marked data, wherever they come out. */
const STORED_VALUE = /(?:left|right)_\d+\/\d+@\d+\|/g;

export interface RefusingStoreOptions {
  readonly name: string;
  readonly onlineStore: Readonly<Record<string, unknown>>;
  /** What the product needs in its environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Further settings under `sideboard:`. */
  readonly sideboard?: Readonly<Record<string, unknown>>;
  /** What the store answers in time, in its long and in its short form. */
  readonly perSecond: Readonly<Record<Form, number>>;
  /** Deadline of single calls. */
  readonly askDeadlineMs: number;
  /** The secrets that no message may hold. */
  readonly canaries: Canaries;
}

/** A fault that the server itself answers with. */
export interface Refusal {
  readonly name: string;
  inject(): unknown;
  restore(): unknown;
  /** Done before each question, again and again until it has its answer. */
  press?(): unknown;
  readonly questions: readonly Question[];
  /**
   * What becomes of the load: nothing; every call fails with the code of the first question; or calls wait for the end of the fault, and
   * those that cannot fail with this code.
   */
  readonly load: 'unharmed' | 'refused' | 'kept waiting';
}

/** A product on a store that refuses, with a load on it. */
export interface RefusingStore {
  /** Brings a refusal about, asks, and takes it back. */
  refuse(refusal: Refusal): Promise<void>;
  /** Ends the load and the product, and judges what holds over all. */
  finish(): Promise<RowReport>;
}

/** Fills the store, starts the product on it, and a load. */
export async function openRefusingStore(
  context: RowContext,
  form: Form,
  { name, onlineStore, env = {}, sideboard = {}, canaries, ...options }: RefusingStoreOptions,
): Promise<RefusingStore> {
  const sheet = new FigureSheet(form);
  const repo = join(context.folder, name);
  writeMarkedProject(repo, { onlineStore, sideboard: { ...STORE_ALONE_SPEAKS, ...sideboard } });
  await fillMarkedProject(repo, POPULATION);
  const product = await startProduct(context, { repo, env });
  const ring = markedRing({ random: context.random, population: POPULATION });
  const pace = { kind: 'open', perSecond: options.perSecond[form] } as const;
  const load = await startLoad(
    {
      ...baseLoad(form, product, ring),
      pace,
      deadlineMs: LOAD_DEADLINE_MS,
      giveUpMs: LOAD_DEADLINE_MS + GIVE_UP_BEHIND_MS,
    },
    context.cleanUp,
  );
  const deadlineMs = options.askDeadlineMs;
  const askers: Readonly<Record<Question['kind'], Asker>> = {
    read: await openAsker(context, product.address, { deadlineMs }),
    write: await openAsker(context, product.address, { deadlineMs, path: '/GrpcFeatureServer/WriteToOnlineStore' }),
  };
  await load.untilOk(SHORT_CALLS);
  const refusals: Refusal[] = [];

  const ask = async (refusal: Refusal, { what, kind, message, code, says = '' }: Question): Promise<void> => {
    let got = '';
    const isAnswered = await until(
      async () => {
        await refusal.press?.();
        const outcome = await askers[kind].ask(message);
        const { text = '' } = outcome;
        canaries.see(`the answer to ${what}, ${refusal.name}`, text);
        got = text === '' ? codeOf(outcome) : `${codeOf(outcome)}: ${text}`;
        return codeOf(outcome) === code && text.includes(says) ? true : undefined;
      },
      () => got,
      SEEN_WITHIN_MS,
    ).catch(() => false);
    const asked = says === '' ? code : `${code}: … ${says} …`;
    sheet.holds(`${name}, ${refusal.name}: ${what}`, isAnswered, asked, got);
  };
  return {
    async refuse(refusal) {
      context.say(`${name}: ${refusal.name}`);
      refusals.push(refusal);
      // Only what is sent while the fault stands for certain is judged, where calls fail of it.
      if (refusal.load === 'refused') await load.phase(`${refusal.name} begins`);
      else await load.phase(refusal.name);
      await refusal.inject();
      for (const question of refusal.questions) await ask(refusal, question);
      if (refusal.load === 'refused') await load.phase(refusal.name);
      const shortCalls = refusal.load === 'kept waiting' ? 0 : SHORT_CALLS;
      await lasting(load, form, { longMs: LONG_MS, shortCalls });
      await load.phase(`behind ${refusal.name}`);
      if (refusal.load !== 'kept waiting') await load.untilEarlierEnded();
      await refusal.restore();
      await load.untilEarlierEnded();
      await load.untilOk(SHORT_CALLS);
    },
    async finish() {
      const result = await load.stop();
      judgeInvariants(sheet, result);
      for (const refusal of refusals) judgeLoad(sheet, name, refusal, result);
      const metrics = await fetch(`http://${product.admin}/metrics`);
      canaries.see('the metrics', await metrics.text());
      canaries.see('the answers to the load', JSON.stringify(result.phases));
      await judgeProduct(sheet, product);
      const log = product.output();
      canaries.see('the log', log);
      const secrets = canaries.findings();
      sheet.none(`${name}: secrets in messages, log and metrics`, secrets.length, secrets);
      const values = (log + JSON.stringify(result.phases)).match(STORED_VALUE) ?? [];
      sheet.none(`${name}: stored values in messages and log`, values.length, values);
      return sheet.report();
    },
  };
}

function judgeLoad(sheet: FigureSheet, store: string, { name, questions, load }: Refusal, result: LoadResult): void {
  const phase = phaseOf(result, name);
  const failed = failedOf(phase);
  if (load === 'unharmed') {
    sheet.none(`${store}, ${name}: calls of the load that failed, of ${phase.sent}`, failed, phase.failureTexts);
    return;
  }
  const [code = ''] = questions.map((question) => question.code);
  const holds = (phase.sideboardCodes[code] ?? 0) === failed && (failed > 0 || load === 'kept waiting');
  const codes = Object.entries(phase.sideboardCodes).map(([each, count]) => `${count} ${each}`);
  const others = holds ? [] : phase.failureTexts.slice(0, 3);
  sheet.holds(
    `${store}, ${name}: failures of the load`,
    holds,
    load === 'refused' ? `${code} alone` : `none, or ${code} alone`,
    [`${failed} of ${phase.sent}`, ...codes, ...others].join('; '),
  );
}
