import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Context } from 'mocha';
import type { GrpcServer, HandedConnections } from '../../src/transports/grpc/service-table.ts';
import { grpcServers } from '../../src/transports/grpc/start-grpc-server.ts';
import { createEchoService, REFUSAL } from '../support/echo-service.ts';
import { requireFeast, run } from '../support/feast-session.ts';
import { projectRoot } from '../support/project-root.ts';
import { collect } from '../support/sideboard-process.ts';
import { skipBecause } from '../support/skip-because.ts';

const interop = join(projectRoot, 'test', 'interop');
const built = join(projectRoot, '.tools', 'interop');

interface ClientProgram {
  readonly command: readonly [string, ...string[]];
  /** Channels that its scenarios open. */
  readonly channels: number;
  /**
   * What it says of a call that was on its way when a server left in one step. The others make such a call again; this one does
   * not trust the server that it was not begun.
   */
  readonly unsure?: string;
  /** Makes the program ready, or skips the suite where the machine lacks what it takes. */
  prepare(context: Context): Promise<void>;
}

/** Exit status of scripts/setup-grpc-clients.sh where there is no compiler. */
const NO_COMPILER = 3;

async function build(context: Context, kind: 'go' | 'java'): Promise<void> {
  const { status, output } = await run(join(projectRoot, 'scripts', 'setup-grpc-clients.sh'), [kind]);
  if (status === 0) return;
  const reason = output.trim().split('\n').at(-1) ?? '';
  if (status === NO_COMPILER) skipBecause(context, reason);
  assert.fail(`scripts/setup-grpc-clients.sh ${kind} failed with status ${status}:\n${output}`);
}

const programs: Readonly<Record<string, ClientProgram>> = {
  'grpc-go': { command: [join(built, 'go-client')], channels: 1, prepare: (context) => build(context, 'go') },
  'grpc-java': {
    command: [
      'java',
      '-cp',
      [join(built, 'java', 'classes'), join(built, 'java', 'lib', '*')].join(delimiter),
      'test.Client',
    ],
    channels: 1,
    unsure:
      'error Status{code=UNAVAILABLE, description=Abrupt GOAWAY closed sent stream. HTTP/2 error code: NO_ERROR, cause=null}',
    prepare: (context) => build(context, 'java'),
  },
  grpcio: {
    command: [join(projectRoot, '.venv', 'feast', 'bin', 'python'), join(interop, 'python-client.py')],
    channels: 1,
    prepare: requireFeast,
  },
  '@grpc/grpc-js': {
    command: import.meta.url.endsWith('.ts')
      ? [process.execPath, '--import', 'tsx', join(interop, 'grpc-js-client.ts')]
      : [process.execPath, join(projectRoot, 'build', 'test', 'interop', 'grpc-js-client.js')],
    // Compression is a matter of the channel.
    channels: 3,
    prepare: async () => {},
  },
};

const scenarios = [
  'many calls in turn',
  'many calls at a time',
  'an empty message',
  'a deadline that passes',
  'cancelling',
  'a refusal',
  'an unforeseen failure',
  'an unknown method',
  'large answers',
  'a request at the limit',
  'a request over the limit',
  'compressed requests',
  'large metadata',
];

function startClient(
  { command: [program, ...args] }: ClientProgram,
  mode: 'check' | 'load',
  address: string,
): ChildProcess {
  return spawn(program, [...args, mode, address], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, REFUSAL: `${REFUSAL} Known: none.` },
  });
}

/** Counts the connections that a server gets. */
async function countedConnections(): Promise<{ from: HandedConnections; count: () => number; listener: Server }> {
  let count = 0;
  const listener = createServer({ allowHalfOpen: true, noDelay: true });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as { port: number };
  const from: HandedConnections = {
    address: `127.0.0.1:${port}`,
    take(serve) {
      listener.on('connection', (socket: Socket) => {
        count++;
        serve(socket);
      });
    },
  };
  return { from, count: () => count, listener };
}

for (const [clientName, program] of Object.entries(programs)) {
  describe(`clients on ${clientName}`, function () {
    this.timeout(180_000);

    before(function () {
      return program.prepare(this);
    });

    for (const [serverName, start] of Object.entries(grpcServers)) {
      describe(`against ${serverName}`, () => {
        let output = '';
        let connections = 0;
        let stillOpen = -1;
        let aborted = 0;

        before(async () => {
          const echo = createEchoService();
          const { from, count, listener } = await countedConnections();
          const server = await start(echo.methods, echo.options({ address: from }));
          const child = startClient(program, 'check', from.address);
          const printed = collect(child);
          const [status] = (await once(child, 'close')) as [number | null];
          output = printed.stdout() + printed.stderr();
          assert.equal(status, 0, output);
          connections = count();
          await new Promise((resolve) => setTimeout(resolve, 50));
          stillOpen = server.openCalls();
          aborted = echo.counts.aborted;
          await server.close(1_000);
          await new Promise((resolve) => listener.close(resolve));
        });

        for (const scenario of scenarios) {
          // grpc-js advertises no limit for headers, and takes what nghttp2 takes.
          if (scenario === 'large metadata' && serverName === 'grpc-js') continue;
          it(scenario, () => assert.ok(output.split('\n').includes(`ok ${scenario}`), output));
        }

        it('tells methods of the calls that went away, and keeps none', () => {
          assert.equal(stillOpen, 0);
          assert.ok(aborted >= 51, `${aborted}`);
        });

        if (serverName !== 'grpc-js') {
          it('over one connection for each channel: no ping or reset of theirs is held against them', () => {
            assert.equal(connections, program.channels);
          });
        }
      });

      it(`loses no call when ${serverName} is replaced under load, again and again`, async () => {
        const echo = createEchoService();
        let server: GrpcServer = await start(echo.methods, echo.options());
        const { address } = server;
        const child = startClient(program, 'load', address);
        const printed = collect(child);
        while (echo.counts.finished < 100 && child.exitCode === null)
          await new Promise((resolve) => setTimeout(resolve, 20));
        for (let round = 0; round < 5; round++) {
          await new Promise((resolve) => setTimeout(resolve, 200));
          await server.close(5_000);
          server = await start(echo.methods, echo.options({ address }));
        }
        // Clients pause between attempts to connect: they come back before the load ends.
        const { finished } = echo.counts;
        while (echo.counts.finished < finished + 100 && child.exitCode === null) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        child.stdin?.end();
        await once(child, 'close');
        const calls = Number(/^calls (\d+)$/m.exec(printed.stdout())?.[1]);
        await server.close(1_000);
        const errors = printed
          .stdout()
          .split('\n')
          .filter((line) => line.startsWith('error'));
        const unsure = serverName === 'net-http2' ? [] : errors.filter((line) => line === program.unsure);
        assert.deepEqual(
          errors.filter((line) => !unsure.includes(line)),
          [],
        );
        // Those were not begun indeed.
        assert.equal(calls - unsure.length, echo.counts.finished, printed.stdout() + printed.stderr());
        assert.deepEqual(echo.failures, []);
      });
    }
  });
}

describe('grpcurl', function () {
  this.timeout(120_000);
  let folder: string;

  before(async () => {
    const { status, output } = await run(join(projectRoot, 'scripts', 'setup-grpcurl.sh'), []);
    assert.equal(status, 0, output);
    folder = await mkdtemp(join(tmpdir(), 'sideboard-grpcurl-'));
    await writeFile(
      join(folder, 'echo.proto'),
      `syntax = "proto3"; package test; message Text { string text = 1; }
       service Echo { rpc Later(Text) returns (Text); rpc Refuse(Text) returns (Text); rpc Nope(Text) returns (Text); }`,
    );
  });
  after(() => rm(folder, { recursive: true }));

  for (const [serverName, start] of Object.entries(grpcServers)) {
    it(`calls ${serverName}`, async () => {
      const echo = createEchoService();
      const server = await start(echo.methods, echo.options());
      const grpcurl = (method: string, text: string) =>
        run(
          join(projectRoot, '.tools', 'bin', 'grpcurl'),
          [
            '-plaintext',
            '-import-path',
            folder,
            '-proto',
            'echo.proto',
            '-d',
            '@',
            server.address,
            `test.Echo/${method}`,
          ],
          JSON.stringify({ text }),
        );
      const echoed = await grpcurl('Later', 'ü'.repeat(100_000));
      assert.equal(echoed.status, 0, echoed.output);
      assert.deepEqual(JSON.parse(echoed.stdout), { text: 'ü'.repeat(100_000) });
      const refused = await grpcurl('Refuse', '');
      assert.match(refused.output, /Code: NotFound/);
      assert.ok(refused.output.includes(`${REFUSAL} Known: none.`), refused.output);
      assert.match((await grpcurl('Nope', '')).output, /Code: Unimplemented/);
      await server.close(1_000);
    });
  }
});
