import { resolve } from 'node:path';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import type { TokenGuard } from '../operations/auth/token-guard.ts';
import { createForwardClock } from '../operations/forward-clock.ts';
import type { Logger } from '../operations/logger.ts';
import type { AccessControl } from '../registry/access/access-rules.ts';
import { assertProtected } from '../transports/grpc/exposure.ts';
import type { TlsContext } from '../transports/tls/tls-context.ts';

const REFUSALS_EVERY_MS = 10_000;

/** Whether callers have to show tokens. The verifiers themselves are loaded only then. */
function requiresTokens({ auth, sideboard }: FeatureStoreConfig): boolean {
  return hasTokens({ auth, sideboard }) && sideboard.auth.required;
}

/** Whether the configuration says how callers are known by tokens. */
function hasTokens({ auth, sideboard }: Pick<FeatureStoreConfig, 'auth' | 'sideboard'>): boolean {
  if (sideboard.auth.callers === 'open') return false;
  return auth.type !== 'no_auth' || sideboard.auth.tokensFile !== undefined;
}

/** What callers are held to: who they are, and what they may do. */
export interface CallerRules {
  readonly guard: TokenGuard;
  readonly access: AccessControl;
}

/**
 * Loads what finds out who calls; `undefined` where nobody asks that, so that it costs nothing then.
 * @throws AuthError, ConfigError
 */
export async function openCallerRules(
  config: FeatureStoreConfig,
  env: NodeJS.ProcessEnv,
  log: Logger,
): Promise<CallerRules | undefined> {
  if (!hasTokens(config)) {
    if (config.auth.type !== 'no_auth') log.warn('callers are not asked who they are: sideboard.auth.callers is open');
    return undefined;
  }
  const [{ openGuard }, { createAccessControl }] = await Promise.all([
    import('./open-guard.ts'),
    import('../registry/access/access-rules.ts'),
  ]);
  return { guard: await openGuard(config, env, log), access: createAccessControl(config.sideboard.auth.default) };
}

/** Refuses an address that other machines reach without protection. @throws TransportError `INSECURE_REMOTE_BIND` */
export function assertSafeAddress(
  address: string,
  config: FeatureStoreConfig,
  options: { readonly insecureAllowRemote?: boolean },
): void {
  const { tls, insecureAllowRemote } = config.sideboard.grpc;
  assertProtected(address, {
    tls: tls !== undefined,
    auth: tls?.clientCaFile !== undefined || requiresTokens(config),
    insecureAllowRemote: options.insecureAllowRemote === true || insecureAllowRemote,
  });
}

/**
 * The certificates that the configuration names, kept up to date; `undefined` where it names none.
 * @throws TransportError `TLS_FILE_UNREADABLE`, `TLS_MATERIAL_INVALID`
 */
export async function openTls(config: FeatureStoreConfig, log: Logger): Promise<TlsContext | undefined> {
  const { tls } = config.sideboard.grpc;
  if (tls === undefined) return undefined;
  const { TlsContext } = await import('../transports/tls/tls-context.ts');
  const path = (file: string): string => resolve(config.repoPath, file);
  const tellOfEnd = (validTo: Date): void =>
    log.error({ validTo }, 'the certificate has expired: clients will not connect');
  const warnOfEnd = (validTo: Date): void => {
    if (validTo.getTime() < Date.now()) tellOfEnd(validTo);
  };
  const context = await TlsContext.open(
    {
      ...tls,
      certFile: path(tls.certFile),
      keyFile: path(tls.keyFile),
      clientCaFile: tls.clientCaFile === undefined ? undefined : path(tls.clientCaFile),
    },
    {
      onReload(validTo) {
        log.info({ validTo }, 'new connections get the certificate that has changed');
        warnOfEnd(validTo);
      },
      onExpired: tellOfEnd,
      onRefused: refusalLog(log),
      onReloadFailed: (err) =>
        log.error({ err }, 'a changed certificate cannot be used; the one before it stays in use'),
    },
  );
  warnOfEnd(context.validTo);
  return context;
}

/** One line per interval: somebody who scans ports must not fill the log. */
function refusalLog(log: Logger): (err: unknown) => void {
  const clock = createForwardClock();
  let since = Number.NEGATIVE_INFINITY;
  let count = 0;
  return (err) => {
    count++;
    const now = clock();
    if (now - since < REFUSALS_EVERY_MS) return;
    log.warn({ err, refusedSinceLastLine: count }, 'a client did not get through TLS');
    since = now;
    count = 0;
  };
}
