import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { reliabilityPage } from './report/reliability-page.ts';
import { PAGE_FILE, readReport } from './report/saved-report.ts';

describe('docs/reliability.md', () => {
  it('is what the saved results of the long runs make', () => {
    assert.equal(readFileSync(PAGE_FILE, 'utf8'), reliabilityPage(readReport()));
  });
});
