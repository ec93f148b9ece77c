/** Where to connect and how, as Feast's `connection_string` says it. */
export interface RedisTarget {
  /** One address for a single Redis, several for the nodes of a cluster or for sentinels. Never empty. */
  readonly nodes: readonly RedisNode[];
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls?: RedisTls;
  readonly connectTimeoutMs?: number;
  readonly commandTimeoutMs?: number;
  /** Parameters that mean something to Feast's own client and nothing here. */
  readonly ignored: readonly string[];
}

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export interface RedisTls {
  /** Files in PEM form. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** False for `ssl_cert_reqs=none`: the server's certificate is not checked. */
  readonly verify: boolean;
  readonly checkHostname: boolean;
}

const DEFAULT_PORT = 6379;

const IGNORED = new Set([
  'skip_full_coverage_check',
  'require_full_coverage',
  'decode_responses',
  'encoding',
  'socket_keepalive',
  'health_check_interval',
  'max_connections',
  'retry_on_timeout',
  'client_name',
  'protocol',
]);

const HOW =
  'Write host:port[,host:port...] and after it name=value pairs: db, username, password, ssl, ssl_ca_certs, ssl_certfile, ' +
  'ssl_keyfile, ssl_cert_reqs, ssl_check_hostname, socket_timeout, socket_connect_timeout.';

/**
 * Reads `host:port[,host:port...][,name=value...]`. Values are JSON where they parse as JSON, else plain text, so that
 * `password="a"` and `password=a` mean the same.
 *
 * @throws Error that says what was wrong without repeating a value.
 */
export function parseConnectionString(text: string): RedisTarget {
  if (/^[a-z]+:\/\//i.test(text)) throw new Error(`a URL is not the form that Feast has for it. ${HOW}`);
  const nodes: RedisNode[] = [];
  const parameters = new Map<string, string>();
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    if (equals < 0) nodes.push(parseNode(part));
    else parameters.set(part.slice(0, equals).trim(), part.slice(equals + 1));
  }
  if (nodes.length === 0) throw new Error(`no host:port in it. ${HOW}`);
  return targetFromParameters(nodes, parameters);
}

function targetFromParameters(nodes: readonly RedisNode[], parameters: Map<string, string>): RedisTarget {
  const ignored: string[] = [];
  const target: { -readonly [Name in keyof RedisTarget]: RedisTarget[Name] } = { nodes, db: 0, ignored };
  const tls: { -readonly [Name in keyof RedisTls]: RedisTls[Name] } = { verify: true, checkHostname: true };
  let ssl = false;
  for (const [name, raw] of parameters) {
    const value = plainText(raw);
    switch (name) {
      case 'db':
        target.db = wholeNumber(name, value);
        break;
      case 'username':
      case 'password':
        if (value !== 'null') target[name] = value;
        break;
      case 'ssl':
        ssl = flag(name, value);
        break;
      case 'ssl_ca_certs':
        tls.caFile = value;
        break;
      case 'ssl_certfile':
        tls.certFile = value;
        break;
      case 'ssl_keyfile':
        tls.keyFile = value;
        break;
      case 'ssl_cert_reqs':
        if (!['none', 'optional', 'required'].includes(value)) throw new Error(`${name} is none, optional or required`);
        tls.verify = value === 'required';
        break;
      case 'ssl_check_hostname':
        tls.checkHostname = flag(name, value);
        break;
      case 'socket_timeout':
        target.commandTimeoutMs = milliseconds(name, value);
        break;
      case 'socket_connect_timeout':
        target.connectTimeoutMs = milliseconds(name, value);
        break;
      default:
        if (!IGNORED.has(name)) throw new Error(`the parameter "${name}" is not known. ${HOW}`);
        ignored.push(name);
    }
  }
  if (ssl) target.tls = tls;
  return target;
}

function parseNode(text: string): RedisNode {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[2] ?? DEFAULT_PORT);
  // What is not an address may be half of a password with a comma in it, so it is not repeated.
  if (match?.[1] === undefined || port < 1 || port > 65_535) {
    throw new Error(`a part of it is neither host:port nor name=value (a password cannot hold a comma). ${HOW}`);
  }
  return { host: match[1].replace(/^\[|\]$/g, ''), port };
}

/** A JSON string stands for its content; numbers and words stand for themselves. */
function plainText(raw: string): string {
  if (!raw.startsWith('"')) return raw;
  try {
    const parsed: unknown = JSON.parse(raw);
    return typeof parsed === 'string' ? parsed : raw;
  } catch {
    return raw;
  }
}

function flag(name: string, value: string): boolean {
  const lower = value.toLowerCase();
  if (lower === 'true' || lower === '1') return true;
  if (lower === 'false' || lower === '0') return false;
  throw new Error(`${name} is true or false`);
}

function wholeNumber(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new Error(`${name} is a whole number`);
  return Number(value);
}

function milliseconds(name: string, value: string): number {
  const seconds = Number(value);
  if (value.trim() === '' || !(seconds > 0) || seconds > 3600)
    throw new Error(`${name} is a number of seconds above 0`);
  return Math.ceil(seconds * 1000);
}
