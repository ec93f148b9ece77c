import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startMysqlServer } from '../support/mysql-server.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { fillMarkedProject, writeMarkedProject } from './data/marked-project.ts';
import { markedRing } from './data/marked-requests.ts';
import { FigureSheet, type Form } from './harness/figures.ts';
import type { FaultRow, RowContext } from './harness/row.ts';
import { failedOf, firstOkAfter, judgeInvariants, okPercent, wrongOf } from './load/load-figures.ts';
import { type LoadPace, type LoadSpec, monotonicMs, SLOT_MS } from './load/load-spec.ts';
import { startLoad } from './load/start-load.ts';
import { judgeProduct, startProduct } from './product/product.ts';
import { baseLoad } from './product/redis-scene.ts';

const POPULATION = 300;
/** What all passwords of the row have in common: it must not be seen anywhere. */
const SECRET = 'canary-7c1f';
/** How long the server refuses the password that the file still holds. */
const GAP_MS = 300;
const WINDOW_MS = 1_000;
/** How long behind it calls are judged. The next fault waits for its end. */
const JUDGED_MS = 500;

interface RotatedStore {
  readonly name: string;
  readonly onlineStore: Readonly<Record<string, unknown>>;
  /** The key under `sideboard:` that takes `password_file`. */
  readonly section: string;
  /** Gives the user this password as well, or alone. */
  setPassword(password: string, keep?: string): Promise<void>;
  /** Hangs up on all connections of the user. */
  cut(): Promise<void>;
  /** Whether a user can have two passwords at a time. */
  readonly overlaps: boolean;
  /** What it answers in time in the long form, beside the others on one machine. */
  readonly perSecond: number;
}

export const rotation: FaultRow = {
  id: 'R11',
  title: 'a password that is replaced under load',
  injected: `another password of the user, all its connections cut, the file with the password ${GAP_MS} ms later; and with both passwords valid for a while`,
  shortLimitMs: 120_000,
  mutations: [
    {
      name: 'the file is read once',
      file: 'src/stores/password-file.js',
      find: 'password = readFileSync(',
      replace: 'password = this.#last ?? readFileSync(',
      fails: 'taken from the file',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    for (const start of [rotatedRedis, rotatedMysql]) await rotate(context, form, sheet, await start(context));
    return sheet.report();
  },
};

async function rotatedRedis(context: RowContext): Promise<RotatedStore> {
  const server = await startRedisServer();
  context.cleanUp(() => server.remove());
  return {
    name: 'Redis',
    section: 'redis',
    overlaps: true,
    perSecond: 500,
    onlineStore: {
      type: 'redis',
      connection_string: `127.0.0.1:${server.port},username=feast,password=${SECRET}-none`,
    },
    async setPassword(password, keep) {
      const passwords = [password, ...(keep === undefined ? [] : [keep])].map((each) => `>${each}`);
      await server.client.call('ACL', 'SETUSER', 'feast', 'on', 'resetpass', ...passwords, '~*', '+@all');
    },
    async cut() {
      await server.client.call('CLIENT', 'KILL', 'USER', 'feast');
    },
  };
}

async function rotatedMysql(context: RowContext): Promise<RotatedStore> {
  const server = await startMysqlServer();
  context.cleanUp(() => server.remove());
  const user = "feast@'127.0.0.1'";
  await server.createDatabase('features');
  await server.query(`CREATE USER ${user} IDENTIFIED BY 'none'; GRANT ALL ON features.* TO ${user}`);
  return {
    name: 'MariaDB',
    section: 'mysql',
    overlaps: false,
    perSecond: 50,
    onlineStore: { type: 'mysql', port: server.port, user: 'feast', password: `${SECRET}-none`, database: 'features' },
    async setPassword(password) {
      await server.query(`ALTER USER ${user} IDENTIFIED BY '${password}'`);
    },
    async cut() {
      await server.query('KILL USER feast');
    },
  };
}

async function rotate(context: RowContext, form: Form, sheet: FigureSheet, store: RotatedStore): Promise<void> {
  const rounds = form === 'long' ? 15 : store.overlaps ? 2 : 1;
  const repo = join(context.folder, store.section);
  const file = join(repo, 'password');
  const replace = (password: string): void => {
    writeFileSync(`${file}.new`, `${password}\n`);
    renameSync(`${file}.new`, file);
  };
  writeMarkedProject(repo, {
    onlineStore: store.onlineStore,
    sideboard: { [store.section]: { password_file: 'password' }, log: { level: 'debug' } },
  });
  let password = `${SECRET}-0`;
  await store.setPassword(password);
  replace(password);
  await fillMarkedProject(repo, POPULATION);
  const product = await startProduct(context, { repo });
  const ring = markedRing({ random: context.random, population: POPULATION });
  const usual: LoadSpec = { ...baseLoad(form, product, ring), deadlineMs: 1_000 };
  const pace: LoadPace = form === 'long' ? { kind: 'open', perSecond: store.perSecond } : usual.pace;
  const load = await startLoad({ ...usual, pace }, context.cleanUp);
  if (form === 'long') {
    const why = 'what it answers in time beside the others on one machine';
    sheet.note(`${store.name} was asked ${store.perSecond} times a second with a deadline of 1 s: ${why}.`);
  }
  await load.untilOk(50);
  const replacedAt: number[] = [];
  let taken = 0;
  for (let round = 1; round <= rounds; round++) {
    password = `${SECRET}-${round}`;
    await load.phase('refused');
    // Calls of the phase before have ended then, however long a busy machine takes for them.
    const before = await load.counts();
    await load.untilEnded(Math.max(16, before.sent - before.ok - before.failed));
    const { failed } = await load.counts();
    await store.setPassword(password);
    await store.cut();
    await sleep(GAP_MS);
    for (let waited = 0; waited < 200 && (await load.counts()).failed === failed; waited++) await sleep(20);
    replace(password);
    replacedAt.push(monotonicMs());
    await sleep(WINDOW_MS);
    await load.phase('replaced');
    // A second is what is asked for; a machine that is busy may take longer, and then the figure says so.
    const isServed = await load.untilOk(50, 15_000).then(
      () => true,
      () => false,
    );
    if (!isServed) break;
    taken++;
    await sleep(Math.max(0, (replacedAt.at(-1) ?? 0) + WINDOW_MS + JUDGED_MS + SLOT_MS - monotonicMs()));
    if (!store.overlaps) continue;
    await load.phase('both valid');
    const next = `${password}-next`;
    await store.setPassword(next, password);
    replace(next);
    await store.cut();
    await load.untilEnded(20);
    await store.setPassword(next);
    await load.untilOk(20);
  }
  const result = await load.stop();
  judgeInvariants(sheet, result);
  const refused = result.phases.filter(({ name }) => name === 'refused');
  const codes = [...new Set(refused.flatMap(({ sideboardCodes }) => Object.keys(sideboardCodes)))];
  const failures = refused.reduce((sum, phase) => sum + failedOf(phase), 0);
  sheet.atLeast(`${store.name}: calls that failed while the password was refused`, failures, 1);
  sheet.none(
    `${store.name}: codes of theirs that say something else`,
    codes.filter((code) => !ALLOWED.has(code)).length,
    codes,
  );
  sheet.tell(`${store.name}: their codes`, codes.join(', '));
  sheet.equal(`${store.name}: times that the new password was taken from the file`, taken, rounds);
  const untilServed = Math.max(...replacedAt.map((at) => firstOkAfter(result, at)));
  sheet.tell(`${store.name}: longest from the new file to an answer`, Math.round(untilServed), 'ms');
  const after = replacedAt.map((at) => okPercent(result, at + WINDOW_MS, at + WINDOW_MS + JUDGED_MS));
  sheet.atLeast(
    `${store.name}: answered well from a second behind the new file on`,
    Math.min(...after),
    { long: 100 },
    '%',
  );
  if (store.overlaps) {
    const both = result.phases.filter(({ name }) => name === 'both valid');
    sheet.none(
      `${store.name}: calls that failed while both passwords were valid and connections were cut`,
      both.reduce((sum, phase) => sum + failedOf(phase) + wrongOf(phase), 0),
      both.flatMap(({ failureTexts }) => failureTexts),
    );
  }
  const said = product.output() + JSON.stringify(result) + (await metricsText(product.admin));
  sheet.none(`${store.name}: passwords in log, errors and metrics`, said.split(SECRET).length - 1);
  await judgeProduct(sheet, product);
}

/** Codes of calls whose connection was cut, or that the breaker kept away. */
const ALLOWED = new Set([
  'STORE_AUTH_FAILED',
  'STORE_UNAVAILABLE',
  'STORE_TIMEOUT',
  'STORE_OVERLOADED',
  'STORE_CIRCUIT_OPEN',
  'DEADLINE_EXCEEDED',
]);

async function metricsText(admin: string): Promise<string> {
  return (await fetch(`http://${admin}/metrics`)).text();
}
