/** `npm run bench`: see `run/bench-options.ts` for what it takes. */
import { existsSync } from 'node:fs';
import { runLoading } from './loading/run-loading.ts';
import { errorsOf } from './report/figures.ts';
import { writeLoading, writeReport } from './report/write-report.ts';
import { type BenchOptions, benchOptionsFromArgs, usage } from './run/bench-options.ts';
import { programOf } from './run/bench-targets.ts';
import { runBench } from './run/run-bench.ts';

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

async function main(options: BenchOptions): Promise<void> {
  if (!existsSync(options.program)) throw new Error(`${options.program} is not there: run npm run build first`);
  if (options.loading !== undefined) {
    const loaded = await runLoading(options.loading, programOf(options), say);
    writeLoading(options.out, loaded);
    say(`${options.out}/loading.md`);
    if (loaded.pushes.some((cell) => cell.errors > 0)) throw new Error('calls failed or rows were lost');
    return;
  }
  const report = await runBench(options, say);
  writeReport(options.out, report);
  say(`${options.out}/report.md`);
  const errors = errorsOf(report);
  if (errors > 0) throw new Error(`${errors} calls failed or were answered wrongly`);
}

try {
  const options = benchOptionsFromArgs(process.argv.slice(2));
  if (options === undefined) process.stdout.write(`${usage}\n`);
  else await main(options);
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
