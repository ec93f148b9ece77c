import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { collect } from '../sideboard-process.ts';

/** What of a container of a pod decides how its process runs. */
export interface ContainerSpec {
  /** Unique on the machine while it runs. */
  readonly name: string;
  /** Root file system; used as it is, so read-only where `readOnlyRoot` says so. */
  readonly root: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[];
  readonly readOnlyRoot: boolean;
  readonly mounts: readonly ContainerMount[];
  readonly memoryBytes?: number;
  /** Cores. */
  readonly cpus?: number;
}

export interface ContainerMount {
  readonly path: string;
  /** A folder or file of this machine; without it, an empty folder in memory. */
  readonly source?: string;
  readonly readOnly?: boolean;
}

/** A container that runs. It shares the machine's network, as the containers of a pod share theirs. */
export interface RunningContainer {
  output(): string;
  /** Settles when its process has ended, with the exit status. */
  readonly ended: Promise<number | null>;
  /** Its process, as this machine numbers it. */
  pid(): number;
  signal(name: 'TERM' | 'KILL'): void;
  /** Ends it where it still runs, and leaves nothing behind. */
  remove(): void;
}

/** Starts a container with runc: no capabilities, no new privileges, its own processes, mounts and names. */
export function startContainer(folder: string, spec: ContainerSpec): RunningContainer {
  const bundle = join(folder, `bundle-${spec.name}`);
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(runtimeConfig(spec)));
  const state = ['--root', join(folder, 'runc')];
  const child: ChildProcess = spawn('runc', [...state, 'run', '--bundle', bundle, spec.name], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = collect(child);
  const runc = (...args: readonly string[]): void => {
    spawnSync('runc', [...state, ...args], { stdio: 'ignore' });
  };
  return {
    output: () => out.stdout() + out.stderr(),
    ended: once(child, 'close').then(([status]: unknown[]) => status as number | null),
    pid: () =>
      (JSON.parse(execFileSync('runc', [...state, 'state', spec.name], { encoding: 'utf8' })) as { pid: number }).pid,
    signal: (name) => runc('kill', spec.name, name),
    remove: () => runc('delete', '--force', spec.name),
  };
}

/** The configuration of the Open Container Initiative's runtime specification, 1.0.2. */
function runtimeConfig(spec: ContainerSpec): object {
  const { memoryBytes, cpus } = spec;
  const ofMachine = { type: 'bind', options: ['bind', 'nosuid', 'nodev'] };
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: spec.uid, gid: spec.gid, additionalGids: spec.groups ?? [] },
      args: spec.args,
      env: spec.env,
      cwd: spec.cwd,
      capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
      noNewPrivileges: true,
    },
    root: { path: spec.root, readonly: spec.readOnlyRoot },
    hostname: 'sideboard',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
      ...spec.mounts.map(({ path, source, readOnly = false }) =>
        source === undefined
          ? { destination: path, type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777'] }
          : { destination: path, source, type: 'bind', options: [...ofMachine.options, readOnly ? 'ro' : 'rw'] },
      ),
    ],
    linux: {
      namespaces: ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      resources: {
        ...(memoryBytes === undefined ? {} : { memory: { limit: memoryBytes } }),
        ...(cpus === undefined ? {} : { cpu: { period: 100_000, quota: Math.round(cpus * 100_000) } }),
        pids: { limit: 256 },
      },
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/sched_debug'],
      readonlyPaths: ['/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}
