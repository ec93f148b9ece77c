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

/** The system's bound on the path of a socket, in bytes (`sun_path` of 108 on Linux, 104 on macOS, the last one a zero). */
const MAX_SOCKET_PATH = process.platform === 'darwin' ? 103 : 107;

/**
 * Reads `host:port`, `[v6]:port`, `:port` (every interface) or `unix:/absolute/path`.
 * @throws TransportError `INVALID_LISTEN_ADDRESS`
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (path.startsWith('/') && path.length > 1 && !path.includes('\0'))
      return { kind: 'unix', path: shortEnough(path) };
  } else {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]*)):(\d{1,5})$/.exec(text);
    const port = Number(match?.[3]);
    if (match !== null && port <= 65_535) return { kind: 'tcp', host: match[1] ?? (match[2] || '0.0.0.0'), port };
  }
  throw new TransportError('INVALID_LISTEN_ADDRESS', `"${text}" is not an address to listen on.`, {
    hint: 'Write host:port (127.0.0.1:50051), [v6]:port or unix:/absolute/path.',
  });
}

/** Node would bind a longer one cut off, at a place that nobody has asked for. */
function shortEnough(path: string): string {
  const length = Buffer.byteLength(path);
  if (length <= MAX_SOCKET_PATH) return path;
  const message = `The path of the socket has ${length} bytes, and the system allows ${MAX_SOCKET_PATH}: ${path}.`;
  throw new TransportError('INVALID_LISTEN_ADDRESS', message, {
    hint: 'Choose a shorter one, such as /run/sideboard.sock.',
  });
}

/**
 * Removes the socket file that a killed process left behind. A socket that somebody answers on is left alone, and so is
 * anything that is not a socket.
 * @throws TransportError `ADDRESS_IN_USE`, `LISTEN_FAILED`
 */
export async function clearStaleSocket(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined);
  if (file === undefined) return;
  if (!file.isSocket()) {
    throw new TransportError('ADDRESS_IN_USE', `unix:${path} is in use by a file that is not a socket.`, {
      hint: 'Choose another path, or remove the file.',
    });
  }
  const refusal = await refusalOf(path);
  if (refusal === 'ECONNREFUSED') {
    await unlink(path).catch((cause: NodeJS.ErrnoException) => {
      // Somebody else who starts may have removed it.
      if (cause.code !== 'ENOENT')
        throw socketError(path, 'The socket that a process left behind cannot be removed', cause);
    });
  } else if (refusal === 'EACCES' || refusal === 'EPERM') {
    throw new TransportError('ADDRESS_IN_USE', `unix:${path} is there already, and belongs to another user.`, {
      hint: 'Run the process as the user who made it; or stop whoever listens there, remove the file, and start again.',
    });
  } else if (refusal !== 'ENOENT') {
    throw new TransportError('ADDRESS_IN_USE', `unix:${path} is in use.`, {
      hint: 'Stop the process that listens there, or choose another path.',
    });
  }
}

/**
 * Lets those connect whom the mode names, whatever the umask keeps out.
 * @throws TransportError `LISTEN_FAILED`
 */
export async function openSocketTo(path: string, mode: number): Promise<void> {
  await chmod(path, mode).catch((cause: NodeJS.ErrnoException) => {
    throw socketError(path, 'The socket cannot be given its mode', cause);
  });
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
  const hint = address.startsWith('unix:')
    ? 'Check that the folder of the socket exists and that the process may write in it.'
    : 'Check that the address belongs to this machine and that the process may bind it.';
  const { code = 'no reason is known' } = cause as NodeJS.ErrnoException;
  return new TransportError('LISTEN_FAILED', `Cannot listen on ${address} (${code}).`, { hint, cause });
}

function socketError(path: string, what: string, cause: NodeJS.ErrnoException): TransportError {
  return new TransportError('LISTEN_FAILED', `${what}: unix:${path} (${cause.code}).`, {
    hint: 'Check that the process may write in the folder of the socket.',
    cause,
  });
}

/** Why nobody can be talked to on a socket; nothing where somebody answers. */
function refusalOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
  });
}
