import { ConfigError } from '../config/config-error.ts';
import { DefinitionsError } from '../definitions/definitions-error.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { SideboardError } from '../errors.ts';
import { IngestError } from '../ingest/ingest-error.ts';
import { MaterializeError } from '../ingest/materialize-error.ts';
import { RegistryError } from '../registry/registry-error.ts';
import { ServingError } from '../serving/serving-error.ts';
import { ResolutionError } from '../stores/resolution-error.ts';
import { StoreError } from '../stores/store-error.ts';
import { TransportError } from '../transports/transport-error.ts';
import { CliError } from './cli-error.ts';

/** How a command ends. The numbers are stable. */
export const exitCodes = {
  ok: { code: 0, summary: 'It did what was asked. For `serve`: it was told to stop and did.' },
  failure: { code: 1, summary: 'Something failed that is in none of the classes below.' },
  usage: { code: 2, summary: 'The command line is wrong, or a removal was not confirmed.' },
  config: {
    code: 3,
    summary:
      '`feature_store.yaml` or the definitions are missing or wrong, or name a store or registry that is not served.',
  },
  registry: { code: 4, summary: 'The registry is missing, damaged, of another project, or cannot be written.' },
  store: { code: 5, summary: 'The online store cannot be reached, refuses, or lacks something.' },
  input: { code: 6, summary: 'The request, or the rows to be written, are wrong.' },
  listen: { code: 7, summary: 'The address to serve on cannot be used.' },
  changes: { code: 8, summary: '`apply --dry-run --detailed-exitcode`: there is something to change.' },
  interrupted: { code: 130, summary: 'SIGINT (Ctrl-C) ended it before it was done.' },
  terminated: { code: 143, summary: 'SIGTERM ended it before it was done.' },
} as const;

export type ExitClass = keyof typeof exitCodes;

/** The class of a failure: by the layer that it comes from. */
export function exitClassOf(error: unknown): ExitClass {
  if (error instanceof CliError) return error.code === 'CLI_REGISTRY_NOT_SERVED' ? 'config' : 'usage';
  if (error instanceof ConfigError || error instanceof ResolutionError) return 'config';
  if (error instanceof DefinitionsError) return 'config';
  if (error instanceof RegistryError) return 'registry';
  if (error instanceof StoreError) return 'store';
  if (error instanceof MaterializeError) return error.code === 'MATERIALIZE_FAILED' ? 'failure' : 'input';
  if (error instanceof IngestError || error instanceof ServingError || error instanceof EncodingError) return 'input';
  if (error instanceof TransportError) return 'listen';
  // By their codes: the classes of these errors are loaded only where they are needed.
  if (error instanceof SideboardError && /^(?:AUTH_CONFIG_INVALID|TRACING_)/.test(error.code)) return 'config';
  return 'failure';
}
