import assert from 'node:assert/strict';
import { skipBecause } from '../support/skip-because.ts';
import { failedFigures, figureText } from './harness/figures.ts';
import { runRow, seedOfRun } from './harness/run-row.ts';
import { faultRows } from './programme.ts';

const seed = seedOfRun();
const LIMIT_MS = 60_000;

/** The long forms, with the figures that are asked for: `npm run test:faults:long`. */
describe(`the fault programme in its short form (FAULTS_SEED=${seed})`, () => {
  for (const row of faultRows) {
    it(`${row.id}: ${row.title}`, async function () {
      if (row.onlyLong !== undefined) skipBecause(this, row.onlyLong);
      this.timeout(row.shortLimitMs ?? LIMIT_MS);
      const { verdict, report, reason } = await runRow(row, { form: 'short', seed });
      if (verdict === 'skipped') skipBecause(this, reason ?? '');
      assert.equal(reason, undefined);
      assert.deepEqual(failedFigures(report).map(figureText), []);
      assert.equal(verdict, 'pass', 'no figure was judged');
    });
  }
});
