import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FigureSheet } from './harness/figures.ts';
import type { FaultRow } from './harness/row.ts';
import { firstOkAfter, judgeInvariants } from './load/load-figures.ts';
import { monotonicMs } from './load/load-spec.ts';
import { judgeProduct, startProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

export const sigkill: FaultRow = {
  id: 'R16',
  title: 'SIGKILL and start anew, on a Unix socket',
  injected: 'SIGKILL again and again at random moments under load; the socket file that it leaves behind stays',
  mutations: [
    {
      name: 'the socket of the killed process is left alone',
      file: 'src/transports/grpc/grpc-address.js',
      find: "if (refusal === 'ECONNREFUSED')",
      replace: 'if (false)',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const rounds = form === 'long' ? 100 : 3;
    const path = join(context.folder, 'grpc.sock');
    const options = { grpcAddress: `unix:${path}` };
    const scene = await createRedisScene(context, form, { product: options });
    const load = await scene.load({ pace: { kind: 'closed', concurrency: 8 }, connections: 4, deadlineMs: 5_000 });
    const readyMs: number[] = [];
    const startedAt: number[] = [];
    let left = 0;
    let product = scene.product;
    for (let round = 1; round <= rounds; round++) {
      if (round % 20 === 0) context.say(`${round} times`);
      await load.untilOk(40);
      await sleep(context.random(50));
      await product.kill();
      left += existsSync(path) ? 1 : 0;
      const spawnedAt = monotonicMs();
      product = await startProduct(context, { ...options, repo: scene.repo });
      startedAt.push(spawnedAt);
      readyMs.push(monotonicMs() - spawnedAt);
    }
    await load.untilOk(40);
    const result = await load.stop();
    judgeInvariants(sheet, result, new Set(['UNAVAILABLE', 'NOT_CONNECTED', 'CONNECTION_LOST']));
    sheet.equal('sockets left behind, and served on again', `${left}, ${readyMs.length}`, `${rounds}, ${rounds}`);
    readyMs.sort((a, b) => a - b);
    const answered = startedAt.map((at) => firstOkAfter(result, at)).sort((a, b) => a - b);
    sheet.atMost('time from the start to serving, median', middle(readyMs), { long: 1_000 }, 'ms');
    sheet.atMost('time from the start to serving, longest', readyMs.at(-1) ?? 0, { long: 2_000 }, 'ms');
    sheet.tell(`of ${rounds} starts, those that took more than a second`, readyMs.filter((ms) => ms > 1_000).length);
    sheet.tell(
      'time from the start to the first answer, median and longest',
      `${Math.round(middle(answered))}, ${Math.round(answered.at(-1) ?? 0)}`,
      'ms',
    );
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

function middle(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
