import { join } from 'node:path';
import type { Context } from 'mocha';
import { useEnvironment } from './environment.ts';
import { type LoopbackServer, requireScript, startLoopbackServer } from './loopback-server.ts';
import { projectRoot } from './project-root.ts';

/** Starts moto, which speaks as AWS does: S3, IAM, and of DynamoDB what DynamoDB Local lacks. */
export async function startMoto(context: Context): Promise<LoopbackServer> {
  await requireScript(context, 'setup-moto.sh', 'moto, which needs Python 3.10');
  return startLoopbackServer({
    program: join(projectRoot, '.venv', 'moto', 'bin', 'moto_server'),
    args: (port) => ['-H', '127.0.0.1', '-p', `${port}`],
    isUp: async (port) => (await fetch(`http://127.0.0.1:${port}/moto-api/`)).ok,
  });
}

/** Gives the tests of a suite credentials that moto takes, and nothing else that the machine knows of AWS. */
export function useMotoCredentials(): void {
  useEnvironment({
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI',
    AWS_REGION: undefined,
    AWS_DEFAULT_REGION: undefined,
    AWS_PROFILE: undefined,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  });
}
