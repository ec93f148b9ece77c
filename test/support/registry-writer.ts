// A process that writes a registry file over and over, until somebody ends it.
//
//   registry-writer FILE PROJECT VIEW    records materializations; prints a line after each

import { recordMaterialization } from '../../src/registry/writing/record-materialization.ts';
import { RegistryFile } from '../../src/registry/writing/registry-file.ts';

const [path = '', project = '', view = ''] = process.argv.slice(2);
const file = new RegistryFile({ path, maxBytes: 2 ** 28 });
for (let end = 1; ; end++) {
  await recordMaterialization(file, {
    project,
    view,
    start: { seconds: 0, nanos: 0 },
    end: { seconds: end, nanos: 0 },
  });
  console.log(`written ${end}`);
}
