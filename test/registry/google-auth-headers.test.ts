import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { googleAuthHeaders } from '../../src/registry/gcs/google-auth-headers.ts';
import { useEnvironment } from '../support/environment.ts';
import { hasRegistryCode } from '../support/registry-source-suite.ts';
import { useTempFolder } from '../support/temp-folder.ts';

describe('Google credentials', () => {
  const folder = useTempFolder();
  let server: Server;
  let refuse: boolean;
  let exchanges: string[];

  useEnvironment({ GOOGLE_APPLICATION_CREDENTIALS: undefined, GOOGLE_CLOUD_PROJECT: 'p' });

  before(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        exchanges.push(body);
        const answer = { access_token: 'granted', expires_in: 3600, token_type: 'Bearer', issued_token_type: 'x' };
        response.writeHead(refuse ? 400 : 200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(refuse ? { error: 'invalid_grant' } : answer));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    refuse = false;
    exchanges = [];
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    // Workload identity federation: the pod's token is exchanged for one of Google's.
    writeFileSync(join(folder(), 'pod-token'), 'from-the-pod');
    const credentials = {
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `http://127.0.0.1:${address.port}/token`,
      credential_source: { file: join(folder(), 'pod-token') },
    };
    writeFileSync(join(folder(), 'credentials.json'), JSON.stringify(credentials));
    process.env.GOOGLE_APPLICATION_CREDENTIALS = join(folder(), 'credentials.json');
  });

  const headers = () => googleAuthHeaders({ name: 'registry gs://b/o', grant: 'Grant it.', whenMissing: '' });

  it('become a bearer token for reading alone, asked for once', async () => {
    const ask = headers();
    for (let round = 0; round < 2; round++) {
      const given = new Headers(await ask('https://storage.googleapis.com/'));
      assert.equal(given.get('authorization'), 'Bearer granted');
    }
    assert.equal(exchanges.length, 1);
    const sent = new URLSearchParams(exchanges[0]);
    assert.equal(sent.get('subject_token'), 'from-the-pod');
    assert.match(sent.get('scope') ?? '', /devstorage\.read_only/);
  });

  it('that are refused give an error without the token, and are tried again', async () => {
    const ask = headers();
    refuse = true;
    await assert.rejects(ask('https://storage.googleapis.com/'), (error) => {
      assert.ok(error instanceof Error);
      assert.ok(!`${JSON.stringify(error.cause)}${error.stack}${String(error.cause)}`.includes('from-the-pod'));
      return hasRegistryCode('REGISTRY_ACCESS_DENIED', /no Google credentials.*Grant it\./)(error);
    });
    refuse = false;
    assert.equal(new Headers(await ask('https://x/')).get('authorization'), 'Bearer granted');
  });
});
