import type { AddressInfo, Server } from 'node:net';
import { clearStaleSocket, hostText, listenError, openSocketToGroup, parseListenAddress } from './grpc-address.ts';

/**
 * Lets a server listen on an address.
 * @param text as in {@link parseListenAddress}; port 0 picks a free one
 * @param option of the command line that names the address, for advice
 * @returns the address in the same form, with the real port
 * @throws TransportError `INVALID_LISTEN_ADDRESS`, `ADDRESS_IN_USE`, `LISTEN_FAILED`
 */
export async function listen(server: Server, text: string, option = '--grpc-address'): Promise<string> {
  const address = parseListenAddress(text);
  if (address.kind === 'unix') await clearStaleSocket(address.path);
  const bound = address.kind === 'unix' ? `unix:${address.path}` : `${hostText(address.host)}:${address.port}`;
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) =>
      reject(listenError(bound, error.code === 'EADDRINUSE' ? option : undefined, error));
    server.once('error', fail);
    const ready = () => {
      server.removeListener('error', fail);
      resolve();
    };
    if (address.kind === 'unix') server.listen(address.path, ready);
    else server.listen(address.port, address.host, ready);
  });
  if (address.kind === 'tcp') return `${hostText(address.host)}:${(server.address() as AddressInfo).port}`;
  await openSocketToGroup(address.path);
  return bound;
}
