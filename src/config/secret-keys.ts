const SECRET_WORDS = new Set([
  'authorization',
  'credential',
  'credentials',
  'dsn',
  'pass',
  'passphrase',
  'passwd',
  'password',
  'passwords',
  'pwd',
  'sas',
  'secret',
  'secrets',
  'token',
  'tokens',
]);

const SECRET_PAIRS = ['connection string', 'private key', 'access key', 'api key', 'secret key', 'account key'];

/**
 * Whether a key's name says that its value may hold a secret: `password`, `client_secret`, `connection_string`, `accessKey`,
 * any name that ends in `key`, and their like.
 */
export function isSecretKey(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  const last = words.at(-1);
  if (last === 'key' || last === 'keys' || words.some((word) => SECRET_WORDS.has(word))) return true;
  if (words.some((word) => /passw|secret|apikey|token$/.test(word))) return true;
  const joined = words.join(' ');
  return SECRET_PAIRS.some((pair) => joined.includes(pair));
}

/** Whether a value looks as if it held a secret, whatever its key is called: a URL with a user, `password=…` and their like. */
export function looksSecret(value: string): boolean {
  return /:\/\/[^/\s]*@/.test(value) || /(?:passw(?:or)?d|pwd|secret|token|key|sig)\s*[=:]/i.test(value);
}
