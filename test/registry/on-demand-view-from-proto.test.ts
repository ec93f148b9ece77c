import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { goldenSnapshot, registryOf } from '../support/registries.ts';

const { INT64, DOUBLE } = ValueType_Enum;

const driver = { spec: { name: 'driver', project: 'p', joinKey: 'driver_id', valueType: INT64 } };

describe('on-demand views', () => {
  const { views } = goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink', 'registry.db');

  it('are known by mode, sources and request columns', () => {
    const pandas = views.get('odfv_pandas')?.onDemand;
    assert.equal(pandas?.mode, 'pandas');
    assert.equal(pandas.writeToOnlineStore, false);
    assert.deepEqual(
      pandas.sourceProjections.map((source) => [source.viewName, source.features.map((feature) => feature.name)]),
      [['driver_stats', ['conv_rate', 'acc_rate', 'trips']]],
    );
    assert.deepEqual(
      pandas.requestColumns.map(({ name, valueType, description }) => [name, valueType, description]),
      [
        ['amount', DOUBLE, 'from the request'],
        ['items', ValueType_Enum.STRING_LIST, ''],
      ],
    );
    assert.equal(views.get('odfv_substrait')?.onDemand?.mode, 'substrait');
    assert.deepEqual(views.get('odfv_singleton')?.onDemand?.sourceProjections, []);
  });

  it('that are written to the online store have join keys and are online', () => {
    const stored = views.get('odfv_stored');
    assert.equal(stored?.onDemand?.writeToOnlineStore, true);
    assert.equal(stored.online, true);
    assert.deepEqual(
      stored.joinKeys.map((key) => key.name),
      ['driver_id'],
    );
  });

  it('of older registries name no mode and hold whole source views and a plain request schema', () => {
    const registry = registryOf({
      entities: [driver],
      featureViews: [{ spec: { name: 'v', project: 'p', entities: ['driver'] } }],
      onDemandFeatureViews: [
        {
          spec: {
            name: 'odfv',
            project: 'p',
            sources: {
              view: {
                source: {
                  case: 'featureView',
                  value: { spec: { name: 'v', features: [{ name: 'f', valueType: DOUBLE }] } },
                },
              },
              request: {
                source: {
                  case: 'requestDataSource',
                  value: { options: { case: 'requestDataOptions', value: { deprecatedSchema: { x: INT64 } } } },
                },
              },
            },
          },
        },
      ],
    });
    const onDemand = createRegistrySnapshot(registry, 'p', 1).views.get('odfv')?.onDemand;
    assert.equal(onDemand?.mode, 'pandas');
    assert.deepEqual(
      onDemand.sourceProjections[0]?.features.map((feature) => feature.name),
      ['f'],
    );
    assert.deepEqual(
      onDemand.requestColumns.map(({ name, valueType }) => [name, valueType]),
      [['x', INT64]],
    );
  });
});
