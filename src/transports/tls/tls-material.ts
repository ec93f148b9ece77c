import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { TransportError } from '../transport-error.ts';

/** The bytes of the files that `sideboard.grpc.tls` names, all PEM. */
export interface TlsFileContents {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer | undefined;
}

/** A certificate that can be served, and what is odd about it. */
export interface TlsMaterial {
  readonly context: SecureContextOptions;
  /** When the server's certificate ends, in milliseconds since the Unix epoch. */
  readonly validTo: number;
}

/**
 * Checks that certificate, key and authorities are what they should be, and that the first two fit.
 * @throws TransportError `TLS_MATERIAL_INVALID`, naming the setting; never the content
 */
export function tlsMaterialFrom({ cert, key, clientCa }: TlsFileContents): TlsMaterial {
  const certificate = attempt(() => new X509Certificate(cert), 'cert_file holds no certificate in PEM.');
  const privateKey = attempt(() => createPrivateKey(key), 'key_file holds no private key in PEM without a passphrase.');
  if (!certificate.checkPrivateKey(privateKey)) throw invalid('key_file does not belong to cert_file.');
  if (clientCa !== undefined) assertAuthorities(clientCa);
  const context = { cert, key, ...(clientCa === undefined ? {} : { ca: clientCa }) };
  attempt(() => createSecureContext(context), 'cert_file, key_file or client_ca_file cannot be used.');
  return { context, validTo: Date.parse(certificate.validTo) };
}

/** Each of them by itself: OpenSSL reads up to the first that it does not understand, and those behind it would be missing without a word. */
function assertAuthorities(pem: Buffer): void {
  const blocks = pem.toString('latin1').match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) throw invalid('client_ca_file holds no certificate in PEM.');
  for (const [index, block] of blocks.entries()) {
    const which = `certificate ${index + 1} of ${blocks.length} in client_ca_file cannot be read.`;
    attempt(() => new X509Certificate(block), which);
  }
}

/** From a beginning to its end, or to where the file stops. */
const PEM_CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g;

function attempt<T>(make: () => T, problem: string): T {
  try {
    return make();
  } catch (cause) {
    throw invalid(problem, cause);
  }
}

function invalid(problem: string, cause?: unknown): TransportError {
  return new TransportError('TLS_MATERIAL_INVALID', `sideboard.grpc.tls: ${problem}`, {
    hint: 'Put the certificate with its chain, and its key, into the files that the settings name.',
    cause,
  });
}
