import assert from 'node:assert/strict';
import { loadOptionalPackage } from '../../src/registry/optional-package.ts';
import { plainCause } from '../../src/registry/plain-cause.ts';
import { hasRegistryCode } from '../support/registry-source-suite.ts';

describe('an optional package', () => {
  it('that is missing is named with the command that installs it', async () => {
    const name = '@sideboard/not-installed';
    const loading = loadOptionalPackage(name, 'A registry there', () => import(name));
    await assert.rejects(
      loading,
      hasRegistryCode('REGISTRY_PACKAGE_MISSING', /^A registry there needs .*npm install @sideboard\/not-installed$/),
    );
  });

  it('that breaks while it is loaded keeps its own error', async () => {
    const broken = new Error('broken');
    await assert.rejects(
      loadOptionalPackage('x', 'It', () => Promise.reject(broken)),
      (error) => error === broken,
    );
  });
});

describe('the cause that is kept of an error', () => {
  it('has name, code and message, and nothing else that the library put there', () => {
    const request = { headers: { authorization: 'Bearer hidden' } };
    const inner = Object.assign(new Error('connect https://user:hidden@host failed'), { code: 'ECONNREFUSED' });
    const cause = plainCause(Object.assign(new TypeError('fetch failed', { cause: inner }), { request }));
    assert.equal(cause.name, 'TypeError');
    assert.equal(cause.message, 'fetch failed: connect https://***@host failed');
    assert.deepEqual(Object.keys(cause).sort(), ['code', 'name']);
    assert.ok(!`${JSON.stringify(cause)}${cause.stack}`.includes('hidden'));
  });

  it('is made of whatever was thrown', () => {
    assert.equal(plainCause('text').message, 'text');
  });
});
