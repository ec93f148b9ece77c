import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from './project-root.ts';
import { endProcess, findFreePort } from './redis-server.ts';

const START_LIMIT_MS = 60_000;
const MAIN = 'com.amazonaws.services.dynamodbv2.local.main.ServerRunner';
const libraries = join(projectRoot, '.tools', 'dynamodb-local', 'lib');

/** DynamoDB Local, Amazon's own server for tests. Every access key has a database of its own in it. */
export interface DynamoServer {
  readonly port: number;
  readonly url: string;
  /** Ends the process; what is stored and the port stay for {@link start}. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops and continues the process without closing its connections. */
  pause(): void;
  resume(): void;
  /** Ends the process and removes what it stored. */
  remove(): Promise<void>;
}

/** Starts a server of the test's own, which keeps what is stored in a temporary folder. */
export function startDynamoServer(): Promise<DynamoServer> {
  return startServer(mkdtempSync(join(tmpdir(), 'sideboard-dynamodb-')));
}

let shared: Promise<DynamoServer> | undefined;

/** The server that all tests of a run share: it takes seconds to start. What is stored stays in memory. */
export function sharedDynamoServer(): Promise<DynamoServer> {
  shared ??= startServer(undefined);
  return shared;
}

// Outside mocha nobody shares it.
globalThis.after?.(async () => {
  await (await shared)?.remove();
});

async function startServer(folder: string | undefined): Promise<DynamoServer> {
  if (!existsSync(join(libraries, '..', 'SHA256SUMS'))) {
    throw new Error('DynamoDB Local is not installed: run scripts/setup-dynamodb-local.sh.');
  }
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const storage = folder === undefined ? ['-inMemory'] : ['-dbPath', folder];
    // The compiler that starts fast, and little memory: the tests keep little in it.
    const java = ['-Xmx192m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', `-Djava.library.path=${libraries}`];
    const args = [...java, '-cp', join(libraries, '*'), MAIN, ...storage, '-port', `${port}`, '-disableTelemetry'];
    const started = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    let output = '';
    for (const stream of [started.stdout, started.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output = `${output}${chunk}`.slice(-2000);
      });
    }
    started.on('error', (error) => {
      output = `java cannot be started: ${error.message}`;
    });
    await untilAnswering(url, started, () => output);
  };
  const stop = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending !== undefined) await endProcess(ending);
  };
  const remove = async (): Promise<void> => {
    await stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    port,
    url,
    start,
    stop,
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    remove,
  };
}

async function untilAnswering(url: string, child: ChildProcess, output: () => string): Promise<void> {
  const giveUpAt = Date.now() + START_LIMIT_MS;
  for (;;) {
    try {
      // It answers unsigned requests with an error, and that is an answer.
      const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
      await answer.arrayBuffer();
      return;
    } catch (error) {
      const ended = child.exitCode !== null || child.pid === undefined;
      if (ended || Date.now() > giveUpAt) throw new Error(`DynamoDB Local did not start: ${output()} ${String(error)}`);
    }
    await sleep(50);
  }
}
