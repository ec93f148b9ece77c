import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { createOnlineFeaturesClient, refusalOf } from '../support/online-features-client.ts';
import { runSideboard, startSideboard } from '../support/sideboard-process.ts';
import { TestAuthority } from '../support/tls-certificates.ts';
import { askWho, createWhoRepo } from '../support/who-store.ts';

describe('a process that other machines could reach', function () {
  this.timeout(60_000);
  let folder: string;
  let repo: FeatureRepo;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sideboard-security-'));
    repo = createWhoRepo();
  });

  afterEach(() => {
    repo.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('does not start without TLS and authentication, with workers or as connector neither', async () => {
    const remote = '0.0.0.0:0';
    for (const args of [
      ['serve', '--repo', repo.path, '--grpc-address', remote],
      ['serve', '--repo', repo.path, '--grpc-address', remote, '--workers', '2'],
      ['connector', '--repo', repo.path, '--address', remote],
    ]) {
      const { status, stderr } = await runSideboard(...args);
      assert.equal(status, exitCodes.listen.code, stderr);
      assert.match(stderr, /^error INSECURE_REMOTE_BIND: 0\.0\.0\.0:0 .*\nhint: .*--insecure-allow-remote/);
    }
  });

  it('starts with the option that says so', async () => {
    const server = await startSideboard(repo.path, '--grpc-address', '127.0.0.1:0', '--insecure-allow-remote');
    assert.equal(await server.stop(), 0);
  });

  it('serves clients with a certificate by workers, and no others', async () => {
    const authority = new TestAuthority(folder);
    const [own, known, other] = ['IP:127.0.0.1', 'DNS:model', 'DNS:stranger'].map((names) =>
      authority.issue({ names }),
    );
    repo.remove();
    const tls = { cert_file: own?.cert, key_file: own?.key, client_ca_file: authority.file, client_names: ['model'] };
    repo = createWhoRepo({ workers: 2, grpc: { tls } });
    const server = await startSideboard(repo.path, '--admin-address', '127.0.0.1:0');
    const client = (files: typeof known) => {
      const [key, cert] = [files?.key, files?.cert].map((file) => (file === undefined ? null : readFileSync(file)));
      const channel = credentials.createSsl(authority.certificate, key ?? null, cert ?? null);
      return createOnlineFeaturesClient(server.address, { 'grpc.use_local_subchannel_pool': 1 }, { channel });
    };
    const clients = [known, known, other, undefined].map(client);
    const [first, second, ...strangers] = clients;
    try {
      assert.ok(first !== undefined && second !== undefined);
      assert.notEqual(await askWho(first), await askWho(second));
      for (const stranger of strangers) assert.equal((await refusalOf(askWho(stranger))).status, 'UNAVAILABLE');
      assert.match(server.output(), /TLS_CLIENT_REFUSED/);
      const [, admin] = /"admin":"([^"]+)"/.exec(server.output()) ?? [];
      const [, end] =
        /^sideboard_tls_certificate_end_seconds (\d+)$/m.exec(await (await fetch(`http://${admin}/metrics`)).text()) ??
        [];
      assert.equal(Number(end) * 1000, Date.parse(new X509Certificate(readFileSync(own?.cert ?? '')).validTo));
    } finally {
      for (const each of clients) each.close();
      assert.equal(await server.stop(), 0);
    }
  });
});
