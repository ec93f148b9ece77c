// npm run test:faults:long -- [--rows R1,R2] [--except R18] [--soak-minutes 120]
//
// Runs the rows of the programme in full, one after the other, on a machine that does nothing else, and writes docs/reliability.md.
import { figureText } from './harness/figures.ts';
import { runRow } from './harness/run-row.ts';
import { circumstancesOfNow, saveResults } from './report/saved-report.ts';
import { programmeOptions, USAGE } from './run-options.ts';

const options = optionsOrExit();
const verdicts: string[] = [];
console.log(`${options.rows.length} rows in their ${options.form} form, seed ${options.seed}`);
for (const row of options.rows) {
  console.log(`\n${row.id}: ${row.title} (${row.injected})`);
  const { soakMinutes, form, seed } = options;
  const finished = await runRow(row, { form, seed, soakMinutes, say: (text) => console.log(`  ${text}`) });
  for (const figure of finished.report.figures) console.log(`  ${figureText(figure)}`);
  for (const note of finished.report.notes) console.log(`  note: ${note}`);
  if (finished.reason !== undefined) console.log(`  ${finished.reason}`);
  console.log(`  ${finished.verdict} after ${finished.seconds} s`);
  verdicts.push(`${row.id} ${finished.verdict}`);
  // Row by row, so that what is there stays when the run is ended.
  saveResults({
    rows: [{ ...finished, title: row.title, injected: row.injected, circumstances: circumstancesOfNow() }],
  });
}
console.log(`\n${verdicts.join(', ')}\ndocs/reliability.md is written.`);
process.exit(verdicts.some((verdict) => verdict.endsWith('fail')) ? 1 : 0);

function optionsOrExit() {
  try {
    return programmeOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}
