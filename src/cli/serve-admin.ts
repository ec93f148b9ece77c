import { defaultAdminAddress } from '../config/sideboard-schema.ts';
import type { Logger } from '../operations/logger.ts';
import type { AdminPages, AdminServer } from '../transports/http/admin-server.ts';
import { TransportError } from '../transports/transport-error.ts';

/**
 * Serves probes and metrics, before anything else is loaded: a process that is starting is alive and says so.
 * @param wanted the address that the command line or the settings name, if they do
 * @returns nothing where they are switched off, or where nobody asked for an address and the usual one is taken
 * @throws TransportError as `startAdminServer`, for an address that was asked for
 */
export async function serveAdmin(
  wanted: string | undefined,
  log: Logger,
  pages: AdminPages,
): Promise<AdminServer | undefined> {
  if (wanted === 'off') return undefined;
  // Loaded only now: node:http is of no use to a process that has it switched off.
  const { startAdminServer } = await import('../transports/http/admin-server.ts');
  try {
    const server = await startAdminServer(wanted ?? defaultAdminAddress, pages);
    log.info({ admin: server.address }, 'probes and metrics are served');
    return server;
  } catch (error) {
    const isTaken = error instanceof TransportError && error.code === 'ADDRESS_IN_USE';
    if (!isTaken || wanted !== undefined) throw error;
    // Several projects on one machine need not be told apart before somebody wants to look at them.
    const hint = 'name another one with sideboard.admin.address, or switch it off';
    log.warn(`probes and metrics are not served: ${defaultAdminAddress} is in use; ${hint}`);
    return undefined;
  }
}
