import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { OnlineReadRequestSchema } from '../../../gen/feast/serving/Connector_pb.ts';
import { SideboardError } from '../../../src/errors.ts';
import { onlineTableFromView } from '../../../src/stores/online-table.ts';
import { createConnectorService } from '../../../src/transports/grpc/connector-service.ts';
import { openFuzzProject } from '../../fuzz/fuzz-project.ts';
import { int64 } from '../../support/feature-values.ts';

describe('the connector service', () => {
  it('holds requests to the limits of those for features, by the same codes', async () => {
    const { store, snapshot } = await openFuzzProject();
    const view = snapshot.views.get('counts');
    assert.ok(view !== undefined);
    const [method] = createConnectorService({
      store,
      table: () => onlineTableFromView(view, 'p', 0),
      revision: () => snapshot,
      limits: { maxEntities: 3, maxFeatures: 3, maxValues: 6 },
    });
    assert.ok(method !== undefined && 'handle' in method);
    const codeOf = async (entities: number, features: string[]): Promise<string> => {
      const entityKeys = Array.from({ length: entities }, (_, id) => ({ joinKeys: ['id'], entityValues: [int64(id)] }));
      const message = create(OnlineReadRequestSchema, { view: 'counts', entityKeys, features });
      try {
        await method.handle(toBinary(OnlineReadRequestSchema, message), {});
        return 'OK';
      } catch (error) {
        assert.ok(error instanceof SideboardError, String(error));
        return error.code;
      }
    };
    assert.equal(await codeOf(4, ['rate']), 'TOO_MANY_ENTITIES');
    assert.equal(await codeOf(1, ['rate', 'clicks', 'tags', 'rate']), 'TOO_MANY_FEATURES');
    // Without names it is all three features of the view.
    assert.equal(await codeOf(3, []), 'TOO_MANY_VALUES');
    assert.equal(await codeOf(2, []), 'OK');
    assert.equal(await codeOf(3, ['rate', 'tags']), 'OK');
  });
});
