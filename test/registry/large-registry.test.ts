import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FeatureViewVersionHistorySchema } from '../../gen/feast/core/FeatureViewVersion_pb.ts';
import { type Registry, RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { RegistryError } from '../../src/registry/registry-error.ts';
import { registryFromBytes } from '../../src/registry/registry-from-bytes.ts';
import { openRegistry } from '../../src/registry/registry-holder.ts';
import { registryParts } from '../../src/registry/registry-parts.ts';
import { readGolden } from '../support/golden.ts';
import { HeldSource } from '../support/held-registry-source.ts';

/** The recorded registry with every view, service and version many times over, under names of their own. */
function enlarged(times: number): Registry {
  const registry = fromBinary(RegistrySchema, readGolden('registry', 'kitchen_sink', 'registry.db'));
  const { featureViews, streamFeatureViews, featureServices } = registry;
  const records = registry.featureViewVersionHistory?.records ?? [];
  const recorded = [
    featureViews.slice(),
    streamFeatureViews.slice(),
    featureServices.slice(),
    records.slice(),
  ] as const;
  for (let time = 0; time < times; time++) {
    for (const each of recorded[0]) if (each.spec) featureViews.push({ ...each, spec: renamed(each.spec, time) });
    for (const each of recorded[1]) if (each.spec) streamFeatureViews.push({ ...each, spec: renamed(each.spec, time) });
    for (const each of recorded[2]) if (each.spec) featureServices.push({ ...each, spec: renamed(each.spec, time) });
    for (const each of recorded[3]) records.push({ ...each, featureViewName: `${each.featureViewName}_${time}` });
  }
  return registry;
}

function renamed<T extends { name: string }>(spec: T, time: number): T {
  return { ...spec, name: `${spec.name}_${time}` };
}

describe('a large registry', () => {
  const registry = enlarged(60);
  const bytes = toBinary(RegistrySchema, registry);

  it('is taken apart into parts that make the same whole', () => {
    const parts = [...registryParts(bytes)];
    assert.ok(bytes.length > 1_000_000 && parts.length > 20, `${bytes.length} bytes, ${parts.length} parts`);
    assert.ok(parts.every((part) => part.length < 100_000));
    assert.deepEqual(registryFromBytes(bytes, 'registry'), fromBinary(RegistrySchema, bytes));
  });

  it('is refused wherever it is cut off inside an object', () => {
    const inObject = bytes.length - Math.ceil(bytes.length / 40);
    for (let end = 1_000; end < inObject; end += 211_003) {
      const cut = bytes.subarray(0, end);
      let whole = true;
      try {
        fromBinary(RegistrySchema, cut);
      } catch {
        whole = false;
      }
      if (whole) continue;
      assert.throws(() => registryFromBytes(cut, 'registry'), RegistryError, `cut at ${end}`);
    }
  });

  it('comes with a history of no records as with none', () => {
    const featureViewVersionHistory = create(FeatureViewVersionHistorySchema, {});
    const empty = toBinary(RegistrySchema, { ...registry, featureViewVersionHistory });
    assert.deepEqual(registryFromBytes(empty, 'registry').featureViewVersionHistory?.records, []);
  });

  it('lets the event loop turn while it is taken in, and can be given up', async () => {
    const source = new HeldSource();
    source.bytes = readGolden('registry', 'kitchen_sink', 'registry.db');
    const opened = await openRegistry({ source, project: 'kitchen_sink', cacheTtlSeconds: 0 });
    source.bytes = bytes;
    let turns = 0;
    let waiting = true;
    const counting = (async () => {
      while (waiting) {
        await nextTurn();
        turns++;
      }
    })();
    await opened.refresh();
    waiting = false;
    await counting;
    assert.ok(turns >= 5, `${turns} turns`);

    source.bytes = toBinary(RegistrySchema, enlarged(61));
    const refused = assert.rejects(opened.refresh(), (error) => (error as RegistryError).code === 'REGISTRY_CLOSED');
    await nextTurn();
    await opened.close();
    await refused;
    assert.equal(opened.current().generation, 2);
  });
});
