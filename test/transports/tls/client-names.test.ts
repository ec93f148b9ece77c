import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hasAllowedName } from '../../../src/transports/tls/client-names.ts';
import { useTempFolder } from '../../support/temp-folder.ts';
import { TestAuthority } from '../../support/tls-certificates.ts';

describe('the names of a client', function () {
  this.timeout(20_000);
  const folder = useTempFolder();

  /** What node shows of a certificate with these names. */
  const shown = (names: string): string | undefined =>
    new X509Certificate(readFileSync(new TestAuthority(folder()).issue({ names }).cert)).subjectAltName;

  it('are those of its certificate, each under the kind that the allowed name has', () => {
    const names = shown(
      'DNS:Model.ML.internal,URI:spiffe://cluster/ns/ml/sa/model,IP:10.1.2.3,IP:fd00::7,email:model@ml.test',
    );
    for (const allowed of [
      'model.ml.internal',
      'MODEL.ml.INTERNAL',
      'spiffe://cluster/ns/ml/sa/model',
      '10.1.2.3',
      'fd00::7',
      'FD00:0:0:0:0:0:0:7',
      'model@ml.test',
    ]) {
      assert.ok(hasAllowedName(names, ['another', allowed]), allowed);
    }
    for (const other of [
      'ml.internal',
      '*.ml.internal',
      'SPIFFE://cluster/ns/ml/sa/model',
      '10.1.2.30',
      'fd00::70',
      'fd00::7%eth0',
      'MODEL@ml.test',
      '',
    ]) {
      assert.ok(!hasAllowedName(names, [other]), other);
    }
    assert.ok(!hasAllowedName(names, []));
    assert.ok(!hasAllowedName(undefined, ['model.ml.internal']));
  });

  it('are whole, with commas and quotes in them, and are never parts of one another', () => {
    const id = 'spiffe://cluster/a, DNS:model';
    const names = `URI:${JSON.stringify(id)}, DNS:other`;
    assert.ok(hasAllowedName(names, [id]));
    assert.ok(hasAllowedName(names, ['other']));
    assert.ok(!hasAllowedName(names, ['model']));
    assert.ok(!hasAllowedName(names, [JSON.stringify(id)]));
    const escaped = `URI:${JSON.stringify('x://"')}, DNS:model`;
    assert.ok(hasAllowedName(escaped, ['model', 'y']));
    assert.ok(!hasAllowedName('URI:"x:\\q", DNS:"model', ['model']));
  });
});
