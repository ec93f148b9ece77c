import assert from 'node:assert/strict';
import { corpusFolders, readCorpus } from './corpus.ts';
import { fuzz } from './fuzz-driver.ts';
import { fuzzTargets } from './targets.ts';

/** FUZZ_SEED runs a failure again; `npm run fuzz` looks for longer. */
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);
const INPUTS = 3_000;
const SECONDS = 0.4;

describe(`the parsers, fed with their corpora and mutations of them (FUZZ_SEED=${SEED})`, function () {
  this.timeout(60_000);

  for (const { name } of fuzzTargets) {
    it(`${name}: a value or an error with a code, in bounded time`, async () => {
      const { inputs, findings } = await fuzz(name, { seed: SEED, inputs: INPUTS, seconds: SECONDS });
      for (const { error, input, file } of findings) {
        assert.fail(`${file ?? 'a mutation'}: ${error}\n${Buffer.from(input).toString('hex').slice(0, 2_000)}`);
      }
      assert.ok(inputs > readCorpus(name).length);
    });
  }

  it('every parser has a corpus with valid inputs, and every corpus a parser', () => {
    assert.deepEqual(corpusFolders(), fuzzTargets.map(({ name }) => name).sort());
    for (const { name } of fuzzTargets) {
      const corpus = readCorpus(name);
      assert.ok(
        corpus.some((input) => input.name.startsWith('seed-')),
        name,
      );
      assert.ok(corpus.reduce((sum, { bytes }) => sum + bytes.length, 0) < 40_000, `${name} is large`);
    }
  });
});
