import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ValueType_Enum as Type } from '../../../gen/feast/types/Value_pb.ts';
import { collect, startProgram } from '../../support/sideboard-process.ts';
import { skipBecause } from '../../support/skip-because.ts';
import { createSourceProject, type SourceProject, SQLITE_STORE, writeSource } from '../../support/source-project.ts';

const MAX_MEGABYTES = 400;

describe('the memory of a load', function () {
  this.timeout(180_000);
  let project: SourceProject | undefined;
  afterEach(() => project?.remove());

  for (const [what, rows, texts, numbers] of [
    ['many entities', 400_000, 2, 8],
    ['wide rows', 60_000, 30, 70],
  ] as const) {
    it(`stays below ${MAX_MEGABYTES} MB with ${what}`, async function () {
      if (!existsSync('/proc/self/status')) skipBecause(this, 'nothing tells the peak of another process here');
      const features = Object.fromEntries([
        ...Array.from({ length: texts }, (_, index) => [`s${index}`, Type.STRING] as const),
        ...Array.from({ length: numbers }, (_, index) => [`n${index}`, Type.DOUBLE] as const),
      ]);
      project = createSourceProject(SQLITE_STORE, [{ features, uri: 'data/rows.parquet' }]);
      const columns = Object.entries(features).map(([name, type]) =>
        type === Type.STRING ? `md5('${name}' || i) AS ${name}` : `random() AS ${name}`,
      );
      await writeSource(
        join(project.path, 'data', 'rows.parquet'),
        `SELECT i::BIGINT AS id, TIMESTAMP '2026-01-10' + INTERVAL (i % 1000) SECOND AS ts, ${columns.join(', ')} FROM range(${rows}) AS t(i)`,
      );
      const args = ['materialize', '2026-01-01', '2026-02-01', '--repo', project.path, '--dry-run'];
      const child = startProgram(args);
      const output = collect(child);
      let isOver = false;
      const closed = once(child, 'close').finally(() => {
        isOver = true;
      }) as Promise<[number | null]>;
      let peak = 0;
      while (!isOver) {
        peak = Math.max(peak, peakOf(child.pid));
        await sleep(20);
      }
      const [status] = await closed;
      assert.equal(status, 0, output.stderr());
      assert.ok(output.stdout().includes(`${rows} latest`), output.stdout());
      assert.ok(peak > 0 && peak < MAX_MEGABYTES, `${peak} MB`);
    });
  }
});

/** Most memory that a process ever held, in megabytes; 0 where it is gone. */
function peakOf(pid: number | undefined): number {
  try {
    const [, kilobytes = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) / 1024;
  } catch {
    return 0;
  }
}
