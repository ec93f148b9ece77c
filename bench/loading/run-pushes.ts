import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { askOnce } from '../load/ask-once.ts';
import { type LoadDriver, startLoadDriver } from '../load/driver.ts';
import type { GrpcEndpoint } from '../load/exchange.ts';
import type { PushCall, PushCell } from '../report/loading-report.ts';
import { feastPythonTarget } from '../servers/feast-python.ts';
import { sideboardTarget } from '../servers/sideboard.ts';
import type { RunningTarget } from '../servers/target.ts';
import { createWorkload } from '../workloads/workload.ts';
import type { LoadingContext } from './loading-context.ts';
import { firstTime, lastTime } from './ride-data.ts';
import { pushRequest, readRequest, rowAt, tripsOf } from './ride-requests.ts';
import { runCommand } from './run-command.ts';
import { createProject, FEAST } from './run-loads.ts';

const FEAST_GRPC = '.venv/feast-grpc';
const PUSH_METHOD = '/GrpcFeatureServer/Push';
export const pushConcurrencies = [1, 16] as const;
/** Requests that a server is given at most in a second: no request is sent twice, since a row that is stored is not news. */
const MOST_PER_SECOND = 12_000;
const READS = 512;

interface Server {
  readonly name: PushCell['server'];
  readonly running: RunningTarget;
  readonly calls: readonly PushCall[];
}

/** Reads of one entity and pushes of one row in turn, on the same servers over the same Redis. */
export async function runPushes(context: LoadingContext): Promise<readonly PushCell[]> {
  const { options, say } = context;
  const rows = options.feastRows;
  const repo = await createProject(context, 'redis', rows);
  await runCommand(process.execPath, [...context.program, 'materialize', firstTime, lastTime, '--repo', repo]);
  const driver = startLoadDriver();
  const servers: Server[] = [];
  const cells: PushCell[] = [];
  try {
    servers.push(...(await startServers(context, repo)));
    let pushed = 0;
    for (let round = 1; round <= options.rounds; round++) {
      for (const concurrency of pushConcurrencies) {
        for (const { name, running, calls } of servers) {
          for (const call of calls) {
            const wanted = { running, call, concurrency, rows, from: pushed };
            const { sent, ...cell } = await measureCalls(driver, context, wanted);
            pushed += sent;
            cells.push({ round, server: name, call, concurrency, ...cell });
            const what = `${round} ${call} c=${concurrency} ${name}`.padEnd(30);
            say(`${what} ${Math.round(cell.perSecond)}/s, p50 ${cell.p50Ms.toFixed(2)} ms, ${cell.errors} errors`);
          }
        }
      }
    }
    return cells;
  } finally {
    for (const { running } of servers) await running.stop();
    await driver.close();
  }
}

async function startServers({ options, program }: LoadingContext, repo: string): Promise<readonly Server[]> {
  const workload = createWorkload('rides', 3, 1);
  const requests = [readRequest(0)];
  const sideboard = await sideboardTarget({ program, repo, reads: 'redis' }).start(workload, requests);
  const servers: Server[] = [{ name: 'sideboard', running: sideboard, calls: ['read', 'typed', 'text'] }];
  if (!options.feast || !existsSync(FEAST) || !existsSync(FEAST_GRPC)) return servers;
  try {
    const feast = feastPythonTarget({ feast: FEAST, beside: resolve(FEAST_GRPC), repo });
    return [...servers, { name: 'feast', running: await feast.start(workload, requests), calls: ['read', 'typed'] }];
  } catch (error) {
    await sideboard.stop();
    throw error;
  }
}

interface Wanted {
  readonly running: RunningTarget;
  readonly call: PushCall;
  readonly concurrency: number;
  readonly rows: number;
  /** Number of the first push: the rows of each are newer than those of all before it. */
  readonly from: number;
}

async function measureCalls(
  driver: LoadDriver,
  { options }: LoadingContext,
  { running, call, concurrency, rows, from }: Wanted,
): Promise<Pick<PushCell, 'requests' | 'perSecond' | 'p50Ms' | 'p99Ms' | 'errors'> & { readonly sent: number }> {
  const { seconds, warmupSeconds } = options;
  const sent = call === 'read' ? 0 : Math.ceil((seconds + warmupSeconds) * MOST_PER_SECOND);
  const ring =
    call === 'read'
      ? Array.from({ length: READS }, (_, n) => readRequest(rowAt(n, rows)))
      : Array.from({ length: sent }, (_, n) => pushRequest(from + n, rowAt(from + n, rows), call));
  const { endpoint } = running;
  if (endpoint.kind !== 'grpc') throw new Error('pushes are measured over gRPC');
  const result = await driver.run({
    endpoint: call === 'read' ? endpoint : { ...endpoint, path: PUSH_METHOD },
    ring,
    pids: running.pids(),
    checksums: new Map(),
    pace: { kind: 'closed', concurrency },
    connections: 1,
    warmupMs: warmupSeconds * 1000,
    measureMs: seconds * 1000,
  });
  for (const [failure, times] of result.failures) throw new Error(`${times} calls failed: ${failure}`);
  const lost = call === 'read' ? 0 : await lostPushes(endpoint, from, rows);
  return {
    sent,
    requests: result.requests,
    perSecond: result.requests / (result.windowMs / 1000),
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    errors: result.errors + lost,
  };
}

/** Of the first pushes of a window, which are answered for certain, how many are not what a read gives. */
async function lostPushes(endpoint: GrpcEndpoint, from: number, rows: number): Promise<number> {
  const checked = Array.from({ length: 8 }, (_, n) => from + n);
  const answers = await askOnce(
    endpoint,
    checked.map((n) => readRequest(rowAt(n, rows))),
  );
  // A later push of the same window may be of the same entity.
  return checked.filter((n, index) => (tripsOf(answers[index] ?? new Uint8Array()) ?? -1n) < BigInt(n)).length;
}
