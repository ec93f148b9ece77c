import assert from 'node:assert/strict';
import { RequestSlots } from '../../../src/stores/dynamodb/dynamodb-slots.ts';
import { oldSpaceGrowth } from '../../support/old-space.ts';

const DOING = 'reading features';

describe('slots for requests to DynamoDB', () => {
  it('go to those who wait in the order in which they came, and not to who left at the deadline', async () => {
    const slots = new RequestSlots(1, 3);
    const inside: string[] = [];
    const enter = async (name: string, deadline?: number): Promise<void> => {
      await slots.take(deadline === undefined ? undefined : { deadline }, 60_000, DOING);
      inside.push(name);
    };
    await enter('first');
    const late = assert.rejects(enter('late', Date.now() + 20), { code: 'STORE_TIMEOUT' });
    const turns = [enter('second'), enter('third')];
    await assert.rejects(enter('one too many'), { code: 'STORE_OVERLOADED' });
    await late;
    assert.deepEqual([slots.taken, slots.waiting], [1, 2]);
    for (const turn of turns) {
      slots.release();
      await turn;
    }
    slots.release();
    assert.deepEqual(inside, ['first', 'second', 'third']);
    assert.deepEqual([slots.taken, slots.waiting], [0, 0]);
  });

  it('are refused to all who wait when the store is closed', async () => {
    const slots = new RequestSlots(1, 3);
    await slots.take(undefined, 60_000, DOING);
    const turns = [1, 2].map(() => assert.rejects(slots.take(undefined, 60_000, DOING), { code: 'STORE_CLOSED' }));
    slots.close(DOING);
    await Promise.all(turns);
    assert.deepEqual([slots.taken, slots.waiting], [1, 0]);
  });

  it('let requests that have left be collected with young objects, also behind a full collection', async () => {
    const grown = await oldSpaceGrowth(new URL('./slots-with-load.ts', import.meta.url));
    assert.ok(grown < 3_000_000, `${grown} bytes more in the old space`);
  });
});
