import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registryTokenFromAuth } from '../../src/registry/remote/registry-token.ts';
import { hasRegistryCode } from '../support/registry-source-suite.ts';
import { useTempFolder } from '../support/temp-folder.ts';

describe('the token for a registry server', () => {
  const folder = useTempFolder();
  const file = () => join(folder(), 'token');

  it('is none without auth', async () => {
    assert.equal(await registryTokenFromAuth({ type: 'no_auth' }, { FEAST_OIDC_TOKEN: 'x' }, file())(), undefined);
  });

  it('is looked for with oidc where Feast looks, in its order', async () => {
    const env: NodeJS.ProcessEnv = { FEAST_OIDC_TOKEN: 'from-env', MINE: 'from-mine' };
    writeFileSync(file(), 'from-pod\n');
    const token = (auth: object) => registryTokenFromAuth({ type: 'oidc', ...auth }, env, file())();
    assert.equal(await token({ token: 'literal', token_env_var: 'MINE' }), 'literal');
    assert.equal(await token({ token_env_var: 'MINE' }), 'from-mine');
    assert.equal(await token({}), 'from-env');
    delete env.FEAST_OIDC_TOKEN;
    assert.equal(await token({}), 'from-pod');
    await assert.rejects(
      token({ token_env_var: 'UNSET' }),
      hasRegistryCode('REGISTRY_ACCESS_DENIED', /variable UNSET/),
    );
  });

  it('is looked for with kubernetes where Feast looks, and read anew for each call', async () => {
    const env = { LOCAL_K8S_TOKEN: 'local' };
    assert.equal(await registryTokenFromAuth({ type: 'kubernetes', user_token: 'mine' }, env, file())(), 'mine');
    const token = registryTokenFromAuth({ type: 'kubernetes' }, env, file());
    assert.equal(await token(), 'local');
    for (const content of ['first', 'renewed']) {
      writeFileSync(file(), content);
      assert.equal(await token(), content);
    }
  });

  it('has an error when there is none, and one for a token that would have to be fetched', async () => {
    const nowhere = hasRegistryCode('REGISTRY_ACCESS_DENIED', /FEAST_OIDC_TOKEN/);
    await assert.rejects(registryTokenFromAuth({ type: 'oidc' }, {}, file())(), nowhere);
    await assert.rejects(registryTokenFromAuth({ type: 'kubernetes' }, {}, file())(), /no token/);
    assert.throws(
      () => registryTokenFromAuth({ type: 'oidc', client_secret: 'hidden' }, {}, file()),
      hasRegistryCode('REGISTRY_SETTINGS_INVALID', /client_secret is not fetched here/),
    );
  });
});
