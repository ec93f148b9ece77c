// A process that loads one version of all rows after the other, until it is killed.
//
//   load-process TARGET ENTITIES VERSION IN_KEY_ORDER    prints every version that it has committed
import { setTimeout as sleep } from 'node:timers/promises';
import { openTarget, type SqlTarget } from './sql-write-harness.ts';
import { loadVersion } from './versioned-rows.ts';

const [target, entities, first, inKeyOrder] = process.argv.slice(2);
const store = openTarget(JSON.parse(target ?? '') as SqlTarget);
const ids = Array.from({ length: Number(entities) }, (_, id) => id);
console.log('up');
for (let version = Number(first); ; version++) {
  await loadVersion(store, ids, version, { inKeyOrder: inKeyOrder === 'true' });
  console.log(`committed ${version}`);
  await sleep(1);
}
