import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { RegistrySchema } from '../../../gen/feast/core/Registry_pb.ts';
import { recordMaterialization } from '../../../src/registry/writing/record-materialization.ts';
import { RegistryFile } from '../../../src/registry/writing/registry-file.ts';
import { readGolden } from '../../support/golden.ts';
import { projectRoot } from '../../support/project-root.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const rounds = 6;

describe('a process that is killed while it writes a registry', function () {
  this.timeout(120_000);
  const folder = useTempFolder();

  it('leaves the old one or the new one, and the next one goes on', async () => {
    const path = join(folder(), 'registry.db');
    // Large, so that writing takes its time.
    const registry = fromBinary(RegistrySchema, readGolden('registry', 'minimal', 'registry.db'));
    const filler = new BinaryWriter().bytes(Buffer.alloc(8 * 2 ** 20, 7)).finish();
    registry.$unknown = [{ no: 900, wireType: 2, data: filler }];
    writeFileSync(path, toBinary(RegistrySchema, registry));
    const random = createSeededRandom(6);
    let count = 0;
    for (let round = 0; round < rounds; round++) {
      const said = await writeUntilKilled(path, random(300));
      const ends = intervalEnds(path);
      // What it said is there; one more may be, which it could not say any more.
      const added = ends.slice(count);
      assert.ok(added.length === said || added.length === said + 1, `${added.length} after ${said}`);
      assert.deepEqual(
        added,
        added.map((_, index) => index + 1),
      );
      count = ends.length;
    }
    const file = new RegistryFile({ path, maxBytes: 2 ** 28 });
    const time = { seconds: 0, nanos: 0 };
    await recordMaterialization(file, { project: 'minimal', view: 'fv', start: time, end: time });
    assert.equal(intervalEnds(path).length, count + 1);
    assert.deepEqual(readdirSync(folder()), ['registry.db']);
  });
});

/** Kills the writer so many milliseconds after its first line. @returns how many writes it said it had done */
async function writeUntilKilled(path: string, afterMs: number): Promise<number> {
  const entry = import.meta.filename.endsWith('.ts')
    ? ['--import', 'tsx', join(projectRoot, 'test/support/registry-writer.ts')]
    : [join(projectRoot, 'build/test/support/registry-writer.js')];
  const child = spawn(process.execPath, [...entry, path, 'minimal', 'fv'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  await sleep(afterMs);
  child.kill('SIGKILL');
  await closed;
  return said.split('\n').length - 1;
}

function intervalEnds(path: string): readonly number[] {
  const [view] = fromBinary(RegistrySchema, readFileSync(path)).featureViews;
  return view?.meta?.materializationIntervals.map(({ endTime }) => Number(endTime?.seconds)) ?? [];
}
