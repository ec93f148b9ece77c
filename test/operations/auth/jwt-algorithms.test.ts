import assert from 'node:assert/strict';
import { createSecretKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isSignatureOf, jwtAlgorithms, keyFits } from '../../../src/operations/auth/jwt-algorithms.ts';

const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;
const ecKey = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const rsaKey = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength });

describe('the algorithms of tokens', () => {
  const rsa = rsaKey(2048);
  const keys: Readonly<Record<string, KeyObject>> = {
    rsa: rsa.publicKey,
    ES256: ecKey('P-256').publicKey,
    ES384: ecKey('P-384').publicKey,
    ES512: ecKey('P-521').publicKey,
    secp256k1: ecKey('secp256k1').publicKey,
    ed25519: generateKeyPairSync('ed25519').publicKey,
    ed448: generateKeyPairSync('ed448').publicKey,
    x25519: generateKeyPairSync('x25519').publicKey,
    weak: rsaKey(1024).publicKey,
    private: rsa.privateKey,
    secret: createSecretKey(Buffer.alloc(256, 7)),
  };

  it('each take keys of their own type, curve and size, and no others', () => {
    for (const algorithm of jwtAlgorithms) {
      const fitting = Object.keys(keys).filter((name) => keyFits(keys[name] ?? rsa.publicKey, algorithm));
      const expected =
        algorithm === 'EdDSA' ? ['ed25519', 'ed448'] : algorithm.startsWith('ES') ? [algorithm] : ['rsa'];
      assert.deepEqual(fitting, expected, algorithm);
    }
  });

  it('verify no signature by a key that is not theirs, however good it is', () => {
    const signed = Buffer.from('head.payload');
    const p384 = ecKey('P-384');
    const signature = sign('sha256', signed, { key: p384.privateKey, dsaEncoding: 'ieee-p1363' });
    assert.equal(isSignatureOf('ES256', p384.publicKey, signed, signature), false);
    const weak = rsaKey(1024);
    assert.equal(isSignatureOf('RS256', weak.publicKey, signed, sign('sha256', signed, weak.privateKey)), false);
    assert.equal(isSignatureOf('RS256', rsa.publicKey, signed, sign('sha256', signed, rsa.privateKey)), true);
  });

  it('take signatures of elliptic curves as two numbers of full length, and in no other form', () => {
    const signed = Buffer.from('head.payload');
    for (const algorithm of ['ES256', 'ES384', 'ES512'] as const) {
      const { privateKey, publicKey } = ecKey(curves[algorithm]);
      const hash = `sha${algorithm.slice(2)}`;
      const flat = sign(hash, signed, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      assert.equal(isSignatureOf(algorithm, publicKey, signed, flat), true);
      for (const other of [
        sign(hash, signed, privateKey),
        Buffer.concat([flat, Buffer.alloc(2)]),
        flat.subarray(1),
        Buffer.alloc(0),
      ]) {
        assert.equal(
          isSignatureOf(algorithm, publicKey, signed, other),
          false,
          `${algorithm} of ${other.length} bytes`,
        );
      }
      assert.equal(isSignatureOf(algorithm, publicKey, signed, Buffer.alloc(flat.length)), false, 'of zeros');
    }
  });
});
