import { closeSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedisServer } from '../support/redis-server.ts';
import { until } from '../support/until.ts';
import { largerRegistry } from './data/larger-registry.ts';
import { fillMarkedProject, markedRegistry, writeMarkedProject } from './data/marked-project.ts';
import { markedRing } from './data/marked-requests.ts';
import { FigureSheet } from './harness/figures.ts';
import type { FaultRow } from './harness/row.ts';
import { failedOf, judgeInvariants, phaseOf } from './load/load-figures.ts';
import { startLoad } from './load/start-load.ts';
import { sampleProcess, startSampler } from './product/process-samples.ts';
import { judgeProduct, type Product, startProduct } from './product/product.ts';
import { baseLoad } from './product/redis-scene.ts';

const POPULATION = 500;
const PIECES = 20;
const PIECE_MS = 50;
const ONLY_LONG = ['cut', 'noise'];

export const spoiledRegistry: FaultRow = {
  id: 'R13',
  title: 'a registry that is spoiled while it is served',
  injected:
    'the file cut, empty, noise, of another project, deleted, written slowly in place, 50 MB large (4 MB in the short form)',
  shortLimitMs: 120_000,
  mutations: [
    {
      name: 'a registry that is cut off between two objects counts as whole',
      file: 'src/registry/registry-from-bytes.js',
      find: 'if (registry.projects.length === 0 && registry.projectMetadata.length === 0)',
      replace: 'if (false)',
    },
    {
      name: 'a failed reading counts as one that found nothing new',
      file: 'src/registry/registry-holder.js',
      find: 'this.#failures++;',
      replace: 'this.#loaded = { ...this.#loaded, checkedAt: this.#clock.now() };',
      fails: 'age',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const redis = await startRedisServer();
    context.cleanUp(() => redis.remove());
    const repo = join(context.folder, 'repo');
    const file = join(repo, 'registry.db');
    writeMarkedProject(repo, {
      onlineStore: { type: 'redis', connection_string: `127.0.0.1:${redis.port}` },
      sections: { registry: { path: 'registry.db', cache_ttl_seconds: 1 } },
    });
    await fillMarkedProject(repo, POPULATION);
    const product = await startProduct(context, { repo });
    const ring = markedRing({ random: context.random, population: POPULATION });
    const load = await startLoad(
      { ...baseLoad(form, product, ring), deadlineMs: form === 'long' ? 100 : 5_000 },
      context.cleanUp,
    );
    await load.untilOk(50);
    const good = Buffer.from(markedRegistry());
    const faults: Readonly<Record<string, () => unknown>> = {
      cut: () => writeFileSync(file, good.subarray(0, good.length >> 1)),
      'cut between two objects': () => writeFileSync(file, wholeObjects(good, good.length * 0.7)),
      empty: () => writeFileSync(file, ''),
      noise: () => writeFileSync(file, Buffer.from(Array.from({ length: 5_000 }, () => context.random(256)))),
      'of another project': () =>
        writeFileSync(file, Buffer.from(good.toString('latin1').replaceAll('faults', 'faulty'), 'latin1')),
      deleted: () => rmSync(file),
    };
    const times = form === 'long' ? 3 : 1;
    for (const [name, inject] of Object.entries(faults)) {
      if (form === 'short' && ONLY_LONG.includes(name)) continue;
      await load.phase(name);
      inject();
      const before = await product.metrics();
      const failures = await laterFailures(product, times);
      const { status } = await product.readyz();
      const age = (await product.metrics()).value('sideboard_registry_age_seconds');
      const wasAge = before.value('sideboard_registry_age_seconds');
      sheet.holds(
        `${name}: the age of the registry rises, it is noticed, and /readyz stays`,
        age > wasAge && failures >= times && status === 200,
        'rises, 200',
        `${age.toFixed(1)} s, ${failures} failed readings, ${status}`,
      );
    }
    await load.phase('replaced');
    const replacedAt = Date.now();
    replace(file, good);
    await fresh(product, 'replaced');
    sheet.atMost(
      'time until a good registry is taken again',
      (Date.now() - replacedAt) / 1000,
      { long: 3, short: 20 },
      's',
    );

    await load.phase('written slowly');
    const slow = openSync(file, 'w');
    for (let piece = 0; piece < PIECES; piece++) {
      const end = Math.ceil((good.length * (piece + 1)) / PIECES);
      writeSync(slow, good, Math.ceil((good.length * piece) / PIECES), end - Math.ceil((good.length * piece) / PIECES));
      await sleep(PIECE_MS);
    }
    closeSync(slow);
    await fresh(product, 'written slowly');

    await load.phase('large');
    const rss = sampleProcess(product.pid).rssMb;
    const sampler = startSampler(product.pid, 100, context.cleanUp);
    const large = Buffer.from(largerRegistry(form === 'long' ? 50e6 : 4e6));
    const swapped = (await product.metrics()).value('sideboard_registry_refreshes_total', { result: 'swapped' });
    replace(file, large);
    await until(
      async () => {
        const metrics = await product.metrics();
        return metrics.value('sideboard_registry_refreshes_total', { result: 'swapped' }) > swapped ? true : undefined;
      },
      () => `the large registry is not taken:\n${product.output().slice(-500)}`,
      120_000,
    );
    await load.untilOk(50);
    const most = Math.max(...sampler.stop().map(({ rssMb }) => rssMb));
    sheet.tell(`memory for a registry of ${(large.length / 1e6).toFixed(0)} MB while it is taken in`, most - rss, 'MB');

    const result = await load.stop();
    judgeInvariants(sheet, result);
    const failed = result.phases.filter((phase) => failedOf(phase) > 0);
    const inLarge = phaseOf(result, 'large');
    const others = failed.filter((phase) => phase !== inLarge);
    sheet.none(
      `of ${result.phases.reduce((sum, { sent }) => sum + sent, 0)} calls, those that failed`,
      others.reduce((sum, phase) => sum + failedOf(phase), 0),
      others.flatMap(({ name, failureTexts }) => failureTexts.map((text) => `${name}: ${text}`)),
    );
    // A deadline of 100 ms may pass while a slice of the large registry is parsed.
    sheet.atLeast('answered while the large one is taken in', 100 - (100 * failedOf(inLarge)) / inLarge.sent, 99, '%');
    sheet.tell('longest call meanwhile', inLarge.okLatency.max, 'ms');
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

/** The registry's fields up to a length, none of them cut. */
function wholeObjects(registry: Buffer, length: number): Buffer {
  let end = 0;
  for (let at = 0; at < length; end = at) {
    // Tags of this registry take a byte, and all of its fields have a length.
    let [size, shift] = [0, 0];
    for (let more = true; more; shift += 7) {
      const byte = registry[++at] ?? 0;
      size |= (byte & 0x7f) << shift;
      more = byte >= 0x80;
    }
    at += 1 + size;
  }
  return registry.subarray(0, end);
}

function replace(file: string, bytes: Uint8Array): void {
  writeFileSync(`${file}.new`, bytes);
  renameSync(`${file}.new`, file);
}

/** Waits for so many failed readings more. @returns how many there were */
async function laterFailures(product: Product, count: number): Promise<number> {
  const failures = async (): Promise<number> =>
    (await product.metrics()).value('sideboard_registry_refreshes_total', { result: 'failed' });
  const before = await failures();
  return until(
    async () => {
      const more = (await failures()) - before;
      return more >= count ? more : undefined;
    },
    () => `readings do not fail:\n${product.output().slice(-500)}`,
    20_000,
  ).catch(async () => (await failures()) - before);
}

/** Waits until the registry counts as read a moment ago, by a reading that began after this. */
async function fresh(product: Product, what: string): Promise<void> {
  const read = async (): Promise<number> => {
    const metrics = await product.metrics();
    const total = metrics.sum('sideboard_registry_refreshes_total');
    return total - metrics.value('sideboard_registry_refreshes_total', { result: 'failed' });
  };
  const before = await read();
  await until(
    async () => ((await read()) >= before + 2 ? true : undefined),
    () => `${what}: the registry is not read again:\n${product.output().slice(-500)}`,
  );
}
