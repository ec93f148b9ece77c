import { constants, type KeyObject, verify } from 'node:crypto';

/** Signatures that tokens may have (RFC 7518, RFC 8037): all asymmetric. `none` and HMAC do not exist here. */
export const jwtAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
export type JwtAlgorithm = (typeof jwtAlgorithms)[number];

/** Curve and length of the signature in bytes. */
const curves = {
  ES256: ['prime256v1', 64],
  ES384: ['secp384r1', 96],
  ES512: ['secp521r1', 132],
} as const;

const MIN_RSA_BITS = 2048;

/** Whether a key may verify signatures of an algorithm: by its type, curve and size, whatever is written beside it. */
export function keyFits(key: KeyObject, algorithm: JwtAlgorithm): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (key.type !== 'public') return false;
  if (algorithm === 'EdDSA') return type === 'ed25519' || type === 'ed448';
  if (algorithm === 'ES256' || algorithm === 'ES384' || algorithm === 'ES512') {
    return type === 'ec' && details?.namedCurve === curves[algorithm][0];
  }
  return type === 'rsa' && (details?.modulusLength ?? 0) >= MIN_RSA_BITS;
}

/** @param signed the bytes that were signed */
export function isSignatureOf(
  algorithm: JwtAlgorithm,
  key: KeyObject,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (!keyFits(key, algorithm)) return false;
  if (algorithm === 'EdDSA') return verify(null, signed, key, signature);
  const hash = `sha${algorithm.slice(2)}`;
  switch (algorithm) {
    case 'ES256':
    case 'ES384':
    case 'ES512':
      return (
        signature.length === curves[algorithm][1] && verify(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
      );
    case 'PS256':
    case 'PS384':
    case 'PS512': {
      const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
      return verify(hash, signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
    }
    default:
      return verify(hash, signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
  }
}
