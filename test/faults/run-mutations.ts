// npm run test:faults:mutations -- [--rows R1,R2]
//
// Runs each row against copies of the product with one change each. A row that passes one of them cannot be trusted.
import { runMutation } from './harness/run-mutation.ts';
import { circumstancesOfNow, saveResults } from './report/saved-report.ts';
import { programmeOptions } from './run-options.ts';

const { rows, seed } = programmeOptions(process.argv.slice(2));
let unnoticed = 0;
for (const row of rows) {
  for (const mutation of row.mutations) {
    const { noticed, by } = await runMutation(row, mutation, { seed });
    console.log(`${row.id}: ${mutation.name}: ${noticed ? `noticed: ${by}` : `NOT NOTICED: ${by}`}`);
    if (!noticed) unnoticed++;
    const { name, file } = mutation;
    saveResults({ mutations: [{ row: row.id, name, file, noticed, by, circumstances: circumstancesOfNow() }] });
  }
}
console.log(unnoticed === 0 ? 'Every change was noticed.' : `${unnoticed} changes were not noticed.`);
process.exit(unnoticed === 0 ? 0 : 1);
