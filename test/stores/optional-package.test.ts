import assert from 'node:assert/strict';
import { loadOptionalPackage } from '../../src/stores/optional-package.ts';
import { storeErrorOf } from '../support/store-rows.ts';

describe('a client library that a store needs', () => {
  it('is loaded when it is there', async () => {
    const { default: mysql2 } = (await loadOptionalPackage('mysql2', 'mysql')) as { default: object };
    assert.ok('createConnection' in mysql2);
  });

  it('is named, with the command that installs it, when it is not', async () => {
    const missing = loadOptionalPackage('sideboard-has-no-such-package', 'mysql');
    const error = await storeErrorOf(missing, 'STORE_UNAVAILABLE');
    assert.match(
      error.message,
      /online store "mysql" needs the package sideboard-has-no-such-package, which is not installed/,
    );
    assert.match(error.hint ?? '', /: npm install sideboard-has-no-such-package$/);
  });
});
