/** What the AWS SDK looks for in the environment: none of the machine's own may reach a test. */
const VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ROLE_ARN',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_DYNAMODB',
] as const;

/** An environment for a process, or for this one, with these keys and no other way to find credentials. */
export function awsEnvironment(accessKey?: string): Record<string, string> {
  return {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/nonexistent/config',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
    ...(accessKey !== undefined && { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: 'secret-of-the-test' }),
  };
}

let keys = 0;

/** A key that no test has used: DynamoDB Local has an empty database for it. */
export function freshAccessKey(): string {
  keys++;
  return `test${process.pid}x${keys}`;
}

/** Sets the environment of this process, and takes it back. */
export function setAwsEnvironment(accessKey?: string): () => void {
  const before = new Map<string, string | undefined>();
  const change = (name: string, value: string | undefined): void => {
    if (!before.has(name)) before.set(name, process.env[name]);
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const name of VARIABLES) change(name, undefined);
  for (const [name, value] of Object.entries(awsEnvironment(accessKey))) change(name, value);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}
