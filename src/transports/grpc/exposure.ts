import { isIP } from 'node:net';
import { TransportError } from '../transport-error.ts';
import { parseListenAddress } from './grpc-address.ts';

/** What protects an address that other machines can reach. */
export interface Protection {
  /** Connections are encrypted. */
  readonly tls: boolean;
  /** Callers have to say who they are: by a token, or by a certificate. */
  readonly auth: boolean;
  /** The operator of the process explicitly allows it. */
  readonly insecureAllowRemote: boolean;
}

/**
 * Refuses to listen where other machines can connect, unless connections are encrypted and callers known. A Unix socket is open to
 * whom its mode lets in, and a loopback address to the same machine or pod.
 * @throws TransportError `INSECURE_REMOTE_BIND`, `INVALID_LISTEN_ADDRESS`
 */
export function assertProtected(address: string, { tls, auth, insecureAllowRemote }: Protection): void {
  const parsed = parseListenAddress(address);
  if (insecureAllowRemote || (tls && auth) || parsed.kind === 'unix' || isLoopback(parsed.host)) return;
  const missing = [...(tls ? [] : ['TLS']), ...(auth ? [] : ['authentication'])].join(' and ');
  throw new TransportError('INSECURE_REMOTE_BIND', `${address} is open to other machines, without ${missing}.`, {
    hint:
      'Listen on 127.0.0.1 or a Unix socket; or configure sideboard.grpc.tls, and auth or client certificates; or, where ' +
      'something in front of it has both, say so with --insecure-allow-remote.',
  });
}

/** A name other than `localhost` may resolve to anything. */
function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === 'localhost' || host === '::1' || /^(?:0{1,4}:){7}0{0,3}1$/.test(host);
}
