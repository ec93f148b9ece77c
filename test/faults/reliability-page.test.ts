import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { reliabilityPage } from './report/reliability-page.ts';
import { PAGE_FILE, readReport } from './report/saved-report.ts';

describe('docs/reliability.md', () => {
  it('is what the saved results of the long runs make', () => {
    assert.equal(readFileSync(PAGE_FILE, 'utf8'), reliabilityPage(readReport()));
  });

  it('names the rows of which it was not shown that they can fail', () => {
    const { rows, mutations } = readReport();
    const shown = mutations.filter(({ row }) => row !== 'R3' && row !== 'R12');
    assert.match(reliabilityPage({ rows, mutations: shown }), /This was not done yet with R3, (R\d+, )*R12/);
  });
});
