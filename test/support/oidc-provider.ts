import { createHmac, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TestAuthority } from './tls-certificates.ts';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const makers: Readonly<Record<string, () => { publicKey: KeyObject; privateKey: KeyObject }>> = {
  RS256: rsa,
  RS512: rsa,
  PS256: rsa,
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

export function createSigningKey(kid: string, alg = 'RS256'): SigningKey {
  const maker = makers[alg];
  if (maker === undefined) throw new Error(`no keys for ${alg}`);
  return { kid, alg, ...maker() };
}

/** A compact JWS, signed with node:crypto alone. `head` replaces parts of the header; undefined leaves them out. */
export function signJwt(key: SigningKey, claims: object, head: Readonly<Record<string, unknown>> = {}): string {
  const input = unsigned({ alg: key.alg, kid: key.kid, typ: 'JWT', ...head }, claims);
  return `${input}.${signatureOf(key, Buffer.from(input)).toString('base64url')}`;
}

/** The same with a shared secret, as an attacker would. */
export function signByHmac(secret: string | Buffer, claims: object, head: object): string {
  const input = unsigned({ alg: 'HS256', typ: 'JWT', ...head }, claims);
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

export function unsigned(head: object, claims: object): string {
  return [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
}

function signatureOf({ alg, privateKey: key }: SigningKey, input: Buffer): Buffer {
  if (alg === 'EdDSA') return sign(null, input, key);
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith('ES')) return sign(hash, input, { key, dsaEncoding: 'ieee-p1363' });
  // 6 and 4: RSA_PKCS1_PSS_PADDING, and a salt as long as the hash.
  return sign(hash, input, alg.startsWith('PS') ? { key, padding: 6, saltLength: -1 } : key);
}

/** An identity provider on 127.0.0.1: discovery document and key set over HTTPS. */
export class OidcProvider {
  readonly url: string;
  readonly caFile: string;
  /** What it publishes. */
  keys: JsonWebKey[] = [];
  /** Answers nothing but errors. */
  down = false;
  /** What its discovery document says otherwise than it should. */
  discovery: object = {};
  /** How it answers; where it is a redirection, to the same place with a slash behind it, where the answer is. */
  status = 200;
  /** How often the key set was asked for. */
  fetches = 0;
  readonly #server: Server;

  private constructor(server: Server, caFile: string) {
    this.#server = server;
    this.caFile = caFile;
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => {
      const { url = '' } = request;
      const status = url.endsWith('/') ? 200 : this.status;
      const send = (body: object): void => {
        const headers = { 'content-type': 'application/json', connection: 'close', location: `${url}/` };
        response.writeHead(status, headers).end(JSON.stringify(body));
      };
      if (url === '/keys') this.fetches++;
      if (this.down) response.writeHead(503, { connection: 'close' }).end('{}');
      else if (/^\/keys\/?$/.test(url)) send({ keys: this.keys });
      else if (/^\/\.well-known\/openid-configuration\/?$/.test(url))
        send({ issuer: this.url, jwks_uri: `${this.url}/keys`, ...this.discovery });
      else response.writeHead(404).end('{}');
    });
  }

  /** @param folder where its certificates are made */
  static async start(folder: string): Promise<OidcProvider> {
    const authority = new TestAuthority(folder, 'idp');
    const { cert, key } = authority.issue({ names: 'IP:127.0.0.1' });
    const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new OidcProvider(server, authority.file);
  }

  get discoveryUrl(): string {
    return `${this.url}/.well-known/openid-configuration`;
  }

  publish(...keys: readonly SigningKey[]): void {
    this.keys = keys.map(({ publicKey, kid, alg }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
      alg,
      use: 'sig',
    }));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
