import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthError } from '../../../src/operations/auth/auth-error.ts';
import { createKubernetesVerifier } from '../../../src/operations/auth/kubernetes-verifier.ts';
import { TestAuthority } from '../../support/tls-certificates.ts';

const POD_TOKEN = 'the-token-of-the-pod';
const READER = 'system:serviceaccount:models:ranking';

interface User {
  readonly username: string;
  readonly groups?: readonly string[];
  readonly audiences?: readonly string[];
  /** The review names it, and says that the token is not good. */
  readonly refused?: boolean;
}

/** No cluster here: a server that speaks the API server's TokenReview and lists role bindings, over HTTPS. */
describe('tokens of Kubernetes', function () {
  this.timeout(20_000);
  let folder: string;
  let server: Server;
  let reviews = 0;
  let mayListBindings = true;
  const warnings: string[] = [];
  const users = new Map<string, User>([
    ['sa', { username: READER, groups: ['system:serviceaccounts', 'system:serviceaccounts:models'] }],
    ['person', { username: 'ann@example.org', groups: ['ml'] }],
    ['for-us', { username: READER, audiences: ['features'] }],
    ['refused', { username: READER, refused: true }],
  ]);
  /** Whether the API server knows what an audience is. */
  let knowsAudiences = true;
  /** Holds reviews back until it is resolved. */
  let held: Promise<void> | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sideboard-k8s-'));
    const authority = new TestAuthority(folder, 'cluster');
    const { cert, key } = authority.issue({ names: 'IP:127.0.0.1' });
    writeFileSync(join(folder, 'ca.crt'), authority.certificate);
    writeFileSync(join(folder, 'namespace'), 'features');
    server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', async () => {
        const send = (status: number, body: object): void => {
          response
            .writeHead(status, { 'content-type': 'application/json', connection: 'close' })
            .end(JSON.stringify(body));
        };
        if (request.headers.authorization !== `Bearer ${POD_TOKEN}`) send(401, { kind: 'Status' });
        else if (request.url === '/apis/authentication.k8s.io/v1/tokenreviews' && request.method === 'POST') {
          reviews++;
          await held;
          send(201, { kind: 'TokenReview', status: reviewOf(JSON.parse(Buffer.concat(chunks).toString())) });
        } else if (request.url === '/apis/rbac.authorization.k8s.io/v1/namespaces/features/rolebindings') {
          if (mayListBindings) send(200, { items: bindings });
          else send(403, { kind: 'Status' });
        } else send(404, {});
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    writeFileSync(join(folder, 'token'), `${POD_TOKEN}\n`);
    reviews = 0;
    mayListBindings = true;
    knowsAudiences = true;
    held = undefined;
    warnings.length = 0;
  });

  const subject = (name: string, namespace: string, kind = 'ServiceAccount') => ({ kind, name, namespace });
  const bindings = [
    { roleRef: { name: 'reader' }, subjects: [subject('other', 'models'), subject('ranking', 'models')] },
    { roleRef: { name: 'of-another-namespace' }, subjects: [subject('ranking', 'elsewhere')] },
    { roleRef: { name: 'of-a-person' }, subjects: [subject('ranking', 'models', 'User')] },
    { roleRef: { name: 'of-nobody' } },
  ];

  function reviewOf(request: {
    readonly spec: { readonly token: string; readonly audiences?: readonly string[] };
  }): object {
    const { token, audiences } = request.spec;
    const user = users.get(token);
    const asked = knowsAudiences ? audiences : undefined;
    const forAudience = asked === undefined || asked.some((each) => user?.audiences?.includes(each));
    if (user === undefined || !forAudience) return { authenticated: false, error: 'not known' };
    const { username, groups = [], refused = false } = user;
    return {
      authenticated: !refused,
      user: { username, groups },
      ...(asked === undefined ? {} : { audiences: asked }),
    };
  }

  const open = (audience?: readonly string[]) =>
    createKubernetesVerifier({
      apiServer: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      accountFolder: folder,
      audience,
      rememberMs: 60_000,
      warn: (message) => warnings.push(message),
      now: () => 1000,
    });

  const failure = async (attempt: Promise<unknown> | unknown): Promise<AuthError> => {
    const error = await Promise.resolve(attempt).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof AuthError);
    return error;
  };

  it('name service accounts, with the roles that are bound to them in the own namespace', async () => {
    const verified = await open().verify('sa');
    assert.deepEqual(verified, {
      caller: {
        name: 'models:ranking',
        roles: ['reader'],
        groups: ['system:serviceaccounts', 'system:serviceaccounts:models'],
        namespaces: ['models'],
      },
      rememberUntil: 61_000,
    });
  });

  it('name people with their groups', async () => {
    const verified = await open().verify('person');
    assert.deepEqual(verified?.caller, { name: 'ann@example.org', roles: [], groups: ['ml'], namespaces: [] });
  });

  it('give no roles where the bindings may not be read, and a warning once', async () => {
    mayListBindings = false;
    const verifier = open();
    assert.deepEqual((await verifier.verify('sa'))?.caller.roles, []);
    await verifier.verify('sa');
    assert.equal(warnings.length, 1);
  });

  it('are refused when Kubernetes does not know them, or they are for another audience', async () => {
    assert.equal((await failure(open().verify('invented'))).code, 'AUTH_TOKEN_INVALID');
    assert.equal((await failure(open().verify('refused'))).code, 'AUTH_TOKEN_INVALID');
    assert.equal((await failure(open(['features']).verify('sa'))).code, 'AUTH_TOKEN_INVALID');
    assert.equal((await open(['features']).verify('for-us'))?.caller.name, 'models:ranking');
    knowsAudiences = false;
    assert.equal((await failure(open(['features']).verify('for-us'))).code, 'AUTH_TOKEN_INVALID');
  });

  it('are reviewed so many at a time: invented ones neither keep the API server busy nor callers out who are known', async () => {
    let release = (): void => {};
    held = new Promise((resolve) => {
      release = resolve;
    });
    const verifier = open();
    const invented = Array.from({ length: 48 }, (_, at) => failure(verifier.verify(`invented-${at}`)));
    assert.equal((await failure(verifier.verify('sa'))).code, 'AUTH_UNAVAILABLE');
    const known = Array.from({ length: 16 }, () => verifier.verify('sa', true));
    assert.equal((await failure(verifier.verify('sa', true))).code, 'AUTH_UNAVAILABLE');
    release();
    for (const each of known) assert.equal((await each)?.caller.name, 'models:ranking');
    assert.deepEqual(new Set((await Promise.all(invented)).map(({ code }) => code)), new Set(['AUTH_TOKEN_INVALID']));
    assert.equal((await verifier.verify('sa'))?.caller.name, 'models:ranking');
    assert.equal(reviews, 65);
  });

  it('cannot be judged while the API server refuses this pod, or is another one', async () => {
    writeFileSync(join(folder, 'token'), 'expired');
    const refused = await failure(open().verify('sa'));
    assert.equal(refused.code, 'AUTH_UNAVAILABLE');
    assert.doesNotMatch(refused.describe(), /expired|127\.0\.0\.1|status/);
    assert.match(String(refused.cause), /status 401/);
    writeFileSync(join(folder, 'token'), POD_TOKEN);
    const other = new TestAuthority(folder, 'stranger');
    const own = readFileSync(join(folder, 'ca.crt'));
    writeFileSync(join(folder, 'ca.crt'), other.certificate);
    assert.equal((await failure(open().verify('sa'))).code, 'AUTH_UNAVAILABLE');
    assert.equal(reviews, 0);
    writeFileSync(join(folder, 'ca.crt'), own);
  });
});
