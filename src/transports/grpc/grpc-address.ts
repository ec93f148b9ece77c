import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { TransportError } from '../transport-error.ts';

/** Where a server listens. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Owner and group may connect. Containers of a pod that share a socket share a group. */
export const DEFAULT_SOCKET_MODE = 0o660;

/**
 * Reads `host:port`, `[v6]:port`, `:port` (every interface) or `unix:/absolute/path`.
 * @throws TransportError `INVALID_LISTEN_ADDRESS`
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (path.startsWith('/') && path.length > 1) return { kind: 'unix', path };
  } else {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]*)):(\d{1,5})$/.exec(text);
    const port = Number(match?.[3]);
    if (match !== null && port <= 65_535) return { kind: 'tcp', host: match[1] ?? (match[2] || '0.0.0.0'), port };
  }
  throw new TransportError('INVALID_LISTEN_ADDRESS', `"${text}" is not an address to listen on.`, {
    hint: 'Write host:port (127.0.0.1:50051), [v6]:port or unix:/absolute/path.',
  });
}

/**
 * Removes the socket file that a killed process left behind. A socket that somebody answers on is left alone, and so is
 * anything that is not a socket.
 * @throws TransportError `ADDRESS_IN_USE`
 */
export async function clearStaleSocket(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined);
  if (file === undefined) return;
  if (file.isSocket() && !(await answers(path))) return unlink(path);
  throw new TransportError(
    'ADDRESS_IN_USE',
    `unix:${path} is in use${file.isSocket() ? '' : ' by a file that is not a socket'}.`,
    {
      hint: 'Stop the process that listens there, or choose another path.',
    },
  );
}

/** Lets those connect whom the mode names, whatever the umask keeps out. */
export function openSocketTo(path: string, mode: number): Promise<void> {
  return chmod(path, mode);
}

/** Runs what creates a socket file so that nobody else can connect to it until its mode is set. */
export function createdPrivately(create: () => void): void {
  // Threads have no umask of their own, and must not change that of the process.
  const umask = isMainThread ? process.umask(0o177) : undefined;
  try {
    create();
  } finally {
    if (umask !== undefined) process.umask(umask);
  }
}

/** A host as it stands before `:port`. */
export function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * Why an address could not be bound.
 * @param inUse where it is in use: the option that chooses another one
 */
export function listenError(address: string, inUse: string | undefined, cause: unknown): TransportError {
  if (inUse !== undefined) {
    const hint = `Stop the process that listens there, or choose another address with ${inUse}.`;
    return new TransportError('ADDRESS_IN_USE', `${address} is in use.`, { hint, cause });
  }
  const hint = 'Check that the address belongs to this machine and that the process may bind it.';
  return new TransportError('LISTEN_FAILED', `Cannot listen on ${address}.`, { hint, cause });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
