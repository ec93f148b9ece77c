import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuthError, invalidToken } from '../../../src/operations/auth/auth-error.ts';
import { TokenFile } from '../../../src/operations/auth/token-file.ts';
import { TokenGuard } from '../../../src/operations/auth/token-guard.ts';
import type { TokenVerifier } from '../../../src/operations/auth/token-verifier.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const METHOD = '/feast.serving.ServingService/GetOnlineFeatures';
const code = (error: unknown) => (error instanceof AuthError ? error.code : String(error));

/** Outcome of a call with a header: the caller's name or the code of the refusal. */
async function outcome(guard: TokenGuard, authorization: string | undefined, path = METHOD): Promise<string> {
  try {
    return (await guard.admit(path, authorization)).name;
  } catch (error) {
    return code(error);
  }
}

describe('the guard of calls', () => {
  let asked: string[];
  let now: number;
  const verifier: TokenVerifier = {
    async verify(token) {
      asked.push(token);
      await sleep(5);
      if (token.startsWith('bad')) throw invalidToken('it is bad.');
      if (token === 'gone') throw new AuthError('AUTH_UNAVAILABLE', 'Nobody answers.');
      if (token === 'unknown') return undefined;
      return { caller: { name: token, roles: [], groups: [], namespaces: [] }, rememberUntil: now + 1000 };
    },
    close() {},
  };
  let elapsed: number;
  const clocks = { now: () => now, elapsed: () => elapsed };
  const open = (required = true) => new TokenGuard({ verifiers: [verifier], required, ...clocks });
  const pass = (milliseconds: number): void => {
    now += milliseconds;
    elapsed += milliseconds;
  };

  beforeEach(() => {
    asked = [];
    now = 1_000_000;
    elapsed = 0;
  });

  it('reads bearer tokens and nothing else', async () => {
    const guard = open();
    assert.equal(await outcome(guard, 'Bearer ann'), 'ann');
    assert.equal(await outcome(guard, 'bearer  bob'), 'bob');
    for (const header of [
      '',
      'ann',
      'Basic ann',
      'Bearer',
      'Bearer a b',
      'Bearer a,b',
      `Bearer ${'x'.repeat(20_000)}`,
    ]) {
      assert.equal(await outcome(guard, header), 'AUTH_TOKEN_INVALID', header.slice(0, 20));
    }
    assert.equal(await outcome(guard, undefined), 'AUTH_TOKEN_MISSING');
    assert.equal(await outcome(guard, 'Bearer unknown'), 'AUTH_TOKEN_INVALID');
    assert.deepEqual(asked, ['ann', 'bob', 'unknown']);
  });

  it('lets calls without a token in where none is required, and bad tokens never', async () => {
    const guard = open(false);
    assert.equal(await outcome(guard, undefined), '');
    assert.equal(await outcome(guard, 'Bearer bad'), 'AUTH_TOKEN_INVALID');
  });

  it('lets probes in', async () => {
    assert.equal(await outcome(open(), undefined, '/grpc.health.v1.Health/Check'), '');
    assert.equal(await outcome(open(), undefined, '/grpc.health.v1.HealthX/Check'), 'AUTH_TOKEN_MISSING');
  });

  it('asks once about a token, however many calls bring it, and again when its time is over', async () => {
    const guard = open();
    const calls = Array.from({ length: 10 }, () => outcome(guard, 'Bearer ann'));
    assert.deepEqual(new Set(await Promise.all(calls)), new Set(['ann']));
    const known = guard.admit(METHOD, 'Bearer ann');
    assert.ok(!(known instanceof Promise));
    assert.deepEqual(asked, ['ann']);
    pass(1000);
    assert.equal(await outcome(guard, 'Bearer ann'), 'ann');
    guard.forget();
    assert.equal(await outcome(guard, 'Bearer ann'), 'ann');
    assert.deepEqual(asked, ['ann', 'ann', 'ann']);
  });

  it('does not remember what was found out about a token before it was told to look anew', async () => {
    const guard = open();
    for (const header of ['Bearer ann', 'Bearer bad']) {
      asked = [];
      const before = outcome(guard, header);
      guard.forget();
      await before;
      await outcome(guard, header);
      assert.equal(asked.length, 2, header);
    }
  });

  it('remembers a refusal for a moment, and not that nobody could be asked', async () => {
    const guard = open();
    for (let at = 0; at < 3; at++) assert.equal(await outcome(guard, 'Bearer bad'), 'AUTH_TOKEN_INVALID');
    for (let at = 0; at < 2; at++) assert.equal(await outcome(guard, 'Bearer gone'), 'AUTH_UNAVAILABLE');
    assert.deepEqual(asked, ['bad', 'gone', 'gone']);
    pass(5_000);
    await outcome(guard, 'Bearer bad');
    assert.equal(asked.length, 4);
  });

  it('remembers for no longer when the clock is set back, and not beyond the end of a token when it is set forward', async () => {
    const guard = open();
    assert.equal(await outcome(guard, 'Bearer bad'), 'AUTH_TOKEN_INVALID');
    assert.equal(await outcome(guard, 'Bearer ann'), 'ann');
    now -= 3_600_000;
    elapsed += 5_000;
    await outcome(guard, 'Bearer bad');
    await outcome(guard, 'Bearer ann');
    assert.deepEqual(asked, ['bad', 'ann', 'bad', 'ann']);
    now += 3_600_000;
    await outcome(guard, 'Bearer ann');
    assert.equal(asked.length, 5);
  });

  it('tells whoever is asked about a token again that it was good, and of one that is bad by then no more', async () => {
    let isGood = true;
    const told: unknown[] = [];
    const asked: TokenVerifier = {
      async verify(token, wasGood) {
        told.push(wasGood);
        if (!isGood) throw invalidToken('it was withdrawn.');
        return { caller: { name: token, roles: [], groups: [], namespaces: [] }, rememberUntil: now + 1000 };
      },
      close() {},
    };
    const guard = new TokenGuard({ verifiers: [asked], required: true, ...clocks });
    await outcome(guard, 'Bearer ann');
    pass(1000);
    isGood = false;
    assert.equal(await outcome(guard, 'Bearer ann'), 'AUTH_TOKEN_INVALID');
    pass(5_000);
    await outcome(guard, 'Bearer ann');
    assert.deepEqual(told, [false, true, false]);
  });

  it('says what to do about the header, and about a token that nobody knows', async () => {
    const guard = open();
    const hintOf = (error: unknown) => (error instanceof AuthError ? error.hint : undefined);
    assert.throws(
      () => guard.admit(METHOD, 'Basic ann'),
      (error) => hintOf(error)?.includes('authorization: Bearer') === true,
    );
    await assert.rejects(
      async () => guard.admit(METHOD, 'Bearer unknown'),
      (error) => hintOf(error)?.includes('identity provider') === false,
    );
  });

  it('does not forget who is known over a flood of invented tokens', async () => {
    const knowsAnn: TokenVerifier = {
      verify: (token) => (token === 'ann' ? verifier.verify(token) : undefined),
      close() {},
    };
    const guard = new TokenGuard({ verifiers: [knowsAnn], required: true, ...clocks });
    await outcome(guard, 'Bearer ann');
    asked = [];
    for (let at = 0; at < 10_050; at++) await outcome(guard, `Bearer invented-${at}`);
    assert.equal(await outcome(guard, 'Bearer ann'), 'ann');
    assert.deepEqual(asked, []);
  });
});

describe('a file of tokens', () => {
  const folder = useTempFolder();
  const path = () => join(folder(), 'tokens');
  const LONG = 'a-token-of-some-length';
  const sha = (text: string) => createHash('sha256').update(text).digest('hex');
  const events: string[] = [];
  const open = () =>
    TokenFile.open(path(), {
      onReload: () => events.push('reloaded'),
      onReloadFailed: (error) => events.push(code(error)),
      lookMs: 3_600_000,
    });

  it('knows the tokens that stand in it, plain or as SHA-256, with roles and the like', async () => {
    const lines = [
      '# who may call',
      '',
      `ann:${LONG}`,
      `bob:sha256:${sha('the-token-of-bob')} roles=reader,writer groups=ml`,
    ];
    writeFileSync(path(), `${lines.join('\r\n')}\n`);
    const file = await open();
    assert.equal(file.verify(LONG)?.caller.name, 'ann');
    assert.deepEqual(file.verify('the-token-of-bob')?.caller, {
      name: 'bob',
      roles: ['reader', 'writer'],
      groups: ['ml'],
      namespaces: [],
    });
    for (const other of ['', 'ann', `${LONG} `, LONG.slice(1), sha('the-token-of-bob')]) {
      assert.equal(file.verify(other), undefined, other);
    }
    file.close();
  });

  it('is an error where it cannot be read, naming the line and nothing that stands in it', async () => {
    await assert.rejects(open, (error: AuthError) => {
      assert.equal(error.code, 'AUTH_CONFIG_INVALID');
      assert.match(error.message, /\(ENOENT\)/);
      assert.match(error.hint ?? '', /path and the permissions/);
      return true;
    });
    const secret = 'hunter2-hunter2-hunter2';
    for (const line of [
      'ann',
      `ann ${secret}`,
      `:${secret}`,
      'ann:short',
      'ann:sha256:abc',
      `ann:sha256:${secret}`,
      `ann:${secret} role=x`,
      `ann:${secret}!`,
      `ann:"${secret}"`,
    ]) {
      writeFileSync(path(), `# first\n${line}\n`);
      await assert.rejects(open, (error: AuthError) => {
        assert.equal(error.code, 'AUTH_CONFIG_INVALID', line);
        assert.match(error.message, /line 2/);
        assert.doesNotMatch(error.describe(), /hunter2/);
        return true;
      });
    }
    writeFileSync(path(), `ann:${LONG}\n#${'x'.repeat(1024 * 1024)}`);
    await assert.rejects(open, /has more than 1048576 bytes/);
  });

  it('counts as it stands when it changes, and as it stood while it cannot be read', async () => {
    writeFileSync(path(), `ann:${LONG}\n`);
    const file = await open();
    events.length = 0;
    writeFileSync(path(), 'no token at all\n');
    await file.look();
    assert.equal(file.verify(LONG)?.caller.name, 'ann');
    writeFileSync(path(), 'bob:another-long-token\n');
    await file.look();
    assert.equal(file.verify(LONG), undefined);
    assert.equal(file.verify('another-long-token')?.caller.name, 'bob');
    assert.deepEqual(events, ['AUTH_CONFIG_INVALID', 'reloaded']);
    file.close();
  });

  it('is not believed while it is being written', async () => {
    writeFileSync(path(), `ann:${LONG}\n`);
    const file = await open();
    events.length = 0;
    writeFileSync(path(), '');
    const looked = file.look();
    await sleep(30);
    writeFileSync(path(), `bob:sha256:${sha('another-long-token')}\nann:${LONG}\n`);
    await looked;
    assert.equal(file.verify(LONG)?.caller.name, 'ann');
    await file.look();
    assert.equal(file.verify(LONG)?.caller.name, 'ann');
    assert.equal(file.verify('another-long-token')?.caller.name, 'bob');
    assert.deepEqual(events, ['reloaded']);
    file.close();
  });
});
