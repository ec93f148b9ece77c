import { randomUUID } from 'node:crypto';
import { link, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { RegistryError } from '../registry-error.ts';
import { processStartOf } from './process-start.ts';

export interface RegistryLockOptions {
  /** How long to wait for another process that holds it, in milliseconds. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
  /** For so long a lock is believed in that nobody has renewed, in milliseconds. Default 60,000. */
  readonly staleMs?: number;
}

/** The right to write a registry file. */
export interface RegistryLock {
  /** @throws RegistryError `REGISTRY_CHANGED` when another process has taken it over. */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
}

const holderSchema = z.object({
  id: z.string(),
  pid: z.int(),
  host: z.string(),
  processStart: z.string().nullable(),
  since: z.string(),
});

type Holder = z.infer<typeof holderSchema>;

/** How often the lock file is looked at while it is waited for, in milliseconds. */
const pollMs = 50;

/**
 * Takes the lock of a registry file: a file beside it that only one process can create. It says which process holds it, so that
 * what a dead one left behind is recognized: on this host by the process being gone, or being another one than then; on other
 * hosts, or where the file cannot be read, by nobody having renewed it for `staleMs`.
 *
 * A lock can be taken from a process that was suspended for longer than that. It notices: whoever writes asks
 * {@link RegistryLock.assertHeld} right before.
 * @throws RegistryError `REGISTRY_LOCKED` when it is still held after `waitMs`, `REGISTRY_WRITE_FAILED`; the signal's reason
 */
export async function acquireRegistryLock(registryFile: string, options: RegistryLockOptions): Promise<RegistryLock> {
  const { waitMs, signal, staleMs = 60_000 } = options;
  const path = `${registryFile}.lock`;
  const own: Holder = {
    id: randomUUID(),
    pid: process.pid,
    host: hostname(),
    processStart: (await processStartOf(process.pid)) ?? null,
    since: new Date().toISOString(),
  };
  const until = Date.now() + waitMs;
  for (;;) {
    signal?.throwIfAborted();
    if (await createLockFile(path, own)) {
      // They are in nobody's way: what cannot be removed is left to the next one.
      await removeLeftOvers(path, staleMs).catch(() => {});
      return heldLock(path, own, registryFile, staleMs);
    }
    const text = await readIfThere(path);
    if (text === undefined) continue;
    if (await isStale(path, text, staleMs)) {
      await breakLock(path, text, own.id);
      continue;
    }
    if (Date.now() >= until) throw locked(registryFile, path, holderFrom(text));
    await sleep(Math.min(pollMs, Math.max(until - Date.now(), 1)), undefined, signal === undefined ? {} : { signal });
  }
}

/** The file is whole as soon as it is there, whenever this process is killed: it is written beside its place and linked to it. */
async function createLockFile(path: string, own: Holder): Promise<boolean> {
  const ready = `${path}.${own.id}`;
  try {
    await writeFile(ready, JSON.stringify(own), { mode: 0o644 });
    await link(ready, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    // Whoever holds the lock took it for a left-over before it was whole.
    if (codeOf(error) === 'ENOENT' && syscallOf(error) === 'link') return false;
    if (!withoutLinks.has(codeOf(error) ?? '')) throw error;
    return await createLockFileInPlace(path, own);
  } finally {
    await rm(ready, { force: true });
  }
}

/** What file systems say that have no hard links. */
const withoutLinks: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

async function createLockFileInPlace(path: string, own: Holder): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(own), { mode: 0o644, flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Files beside the lock whose writers were killed right before or after they moved them: they name no process, or one that is
 * gone. A process that is only slow finds its own removed, and begins again.
 */
async function removeLeftOvers(path: string, staleMs: number): Promise<void> {
  const prefix = `${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(prefix) || !uuidPattern.test(name.slice(prefix.length))) continue;
    const beside = join(dirname(path), name);
    const text = await readIfThere(beside);
    if (text === undefined) continue;
    if (holderFrom(text) === undefined || (await isStale(beside, text, staleMs))) await rm(beside, { force: true });
  }
}

/** What `randomUUID` makes. */
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function heldLock(path: string, own: Holder, registryFile: string, staleMs: number): RegistryLock {
  const renewing = setInterval(() => {
    const now = new Date();
    // One that fails is made up for by the next.
    utimes(path, now, now).catch(() => {});
  }, staleMs / 6);
  renewing.unref();
  const isHeld = async (): Promise<boolean> => holderFrom((await readIfThere(path)) ?? '')?.id === own.id;
  return {
    async assertHeld() {
      if (await isHeld()) return;
      throw new RegistryError('REGISTRY_CHANGED', `Another process has taken over the lock of ${registryFile}.`, {
        hint: 'Nothing was written. Run the command again.',
      });
    },
    async release() {
      clearInterval(renewing);
      // What cannot be removed is found to be stale by the next one.
      await isHeld()
        .then(async (held) => held && (await rm(path, { force: true })))
        .catch(() => {});
    },
  };
}

async function isStale(path: string, text: string, staleMs: number): Promise<boolean> {
  const holder = holderFrom(text);
  if (holder?.host === hostname()) {
    if (!isAlive(holder.pid)) return true;
    // The number of a process that ended is given out again.
    const start = await processStartOf(holder.pid);
    if (start !== undefined && holder.processStart !== null && start !== holder.processStart) return true;
  }
  try {
    return Date.now() - (await stat(path)).mtimeMs > staleMs;
  } catch {
    return false;
  }
}

/** Several may find the same lock stale: what is taken away is looked at, and put back if it is another one by now. */
async function breakLock(path: string, stale: string, id: string): Promise<void> {
  const aside = `${path}.${id}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const taken = await readIfThere(aside);
  await rm(aside, { force: true });
  if (taken === undefined || taken === stale) return;
  try {
    const file = await open(path, 'wx', 0o644);
    await file.writeFile(taken);
    await file.close();
  } catch (error) {
    // A third one has it now; the one it was taken from notices before it writes.
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

/** A lock file that is being created is empty for a moment. */
function holderFrom(text: string): Holder | undefined {
  try {
    return holderSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function locked(registryFile: string, path: string, holder: Holder | undefined): RegistryError {
  const who =
    holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host} since ${holder.since}`;
  return new RegistryError('REGISTRY_LOCKED', `The registry file ${registryFile} is being written by ${who}.`, {
    hint: `Wait until it is done. If no such process is left, remove ${path}.`,
  });
}

function syscallOf(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error ? String(error.syscall) : undefined;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
