/** `npm run fuzz -- [--seconds N] [--parser P] [--seed S] [--seeds]`: looks for longer, and keeps what it finds in the corpus. */
import { parseArgs } from 'node:util';
import { saveFound, writeSeeds } from './corpus.ts';
import { fuzz } from './fuzz-driver.ts';
import { fuzzTargets } from './targets.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    parser: { type: 'string', multiple: true },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    seeds: { type: 'boolean', default: false },
  },
});
const chosen = fuzzTargets.filter(({ name }) => values.parser?.includes(name) ?? true);
if (chosen.length === 0) {
  console.error(`Parsers: ${fuzzTargets.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

for (const target of chosen) {
  if (values.seeds) {
    writeSeeds(target.name, target.seeds());
    continue;
  }
  const { inputs, findings } = await fuzz(target.name, { seed: Number(values.seed), seconds: Number(values.seconds) });
  console.log(`${target.name}: ${inputs} inputs, ${findings.length} findings (seed ${values.seed})`);
  for (const { error, input, file } of findings) {
    process.exitCode = 1;
    console.log(
      `  corpus/${target.name}/${file ?? saveFound(target.name, input)}: ${error.replaceAll('\n', '\n    ')}`,
    );
  }
}
