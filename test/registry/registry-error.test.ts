import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { registryErrors } from '../../src/registry/registry-error.ts';
import { projectRoot } from '../support/project-root.ts';

describe('the registry reference', () => {
  it('lists each error code of the catalogue and no other', () => {
    const text = readFileSync(join(projectRoot, 'docs', 'reference', 'registry.md'), 'utf8');
    const documented = new Set(text.match(/\bREGISTRY_[A-Z_]+\b/g));
    assert.deepEqual([...documented].sort(), Object.keys(registryErrors).sort());
  });
});
