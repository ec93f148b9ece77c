import { hash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { plainCause } from './plain-cause.ts';
import { tooLarge } from './read-bounded.ts';
import { RegistryError } from './registry-error.ts';

export interface RegistryCopyOptions {
  readonly path: string;
  readonly project: string;
  /** The source's description: a copy of another source is refused. */
  readonly source: string;
  readonly maxBytes: number;
}

export interface CopiedRegistry {
  readonly bytes: Uint8Array;
  /** When the source was last seen to hold these bytes; milliseconds since the Unix epoch. */
  readonly checkedAt: number;
}

/** The last good registry, kept on disk for a start while the source is down. Every failure is `REGISTRY_COPY_UNUSABLE`. */
export interface RegistryCopy {
  readonly path: string;
  /** Refuses a copy that is damaged, of another project or of another source. */
  read(): Promise<CopiedRegistry>;
  /** Replaces the file as a whole: a reader finds the earlier copy or this one. */
  write(copied: CopiedRegistry): Promise<void>;
  /** Notes that the source still holds what the copy does. */
  confirm(checkedAt: number): Promise<void>;
}

/*
 * A line with the time, of fixed width so that it can be written over in place; a line of JSON that says what the copy is of;
 * then the bytes.
 */
const MAGIC = 'sideboard-registry-copy 1 ';
const TIME_LENGTH = '2026-01-01T00:00:00.000Z'.length;
const HEAD_LENGTH = MAGIC.length + TIME_LENGTH + 1;
const MAX_FACTS = 65_536;

interface Facts {
  readonly project: string;
  readonly source: string;
  readonly length: number;
  readonly sha256: string;
}

export function createRegistryCopy(options: RegistryCopyOptions): RegistryCopy {
  const path = resolve(options.path);
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw error instanceof RegistryError ? error : unusable(path, reasonOf(error), error);
    }
  };
  return {
    path,
    read: () => guarded(() => readCopy(path, options)),
    write: (copied) => guarded(() => writeCopy(path, options, copied)),
    confirm: (checkedAt) => guarded(() => confirmCopy(path, checkedAt)),
  };
}

async function readCopy(path: string, { project, source, maxBytes }: RegistryCopyOptions): Promise<CopiedRegistry> {
  const { size } = await stat(path);
  if (size > maxBytes + HEAD_LENGTH + MAX_FACTS) throw tooLarge(`copy ${path}`, maxBytes);
  const file = await readFile(path);
  const end = file.indexOf(0x0a, HEAD_LENGTH);
  const checkedAt = Date.parse(file.toString('latin1', MAGIC.length, HEAD_LENGTH - 1));
  if (!file.toString('latin1', 0, MAGIC.length).startsWith(MAGIC) || end < 0 || Number.isNaN(checkedAt)) {
    throw unusable(path, 'it is not a copy of a registry');
  }
  const facts = JSON.parse(file.toString('utf8', HEAD_LENGTH, end)) as Facts;
  const bytes = file.subarray(end + 1);
  if (facts.length !== bytes.length || facts.sha256 !== hash('sha256', bytes)) throw unusable(path, 'it is damaged');
  if (facts.project !== project) throw unusable(path, `it is of project "${facts.project}"`);
  if (facts.source !== source) throw unusable(path, `it is of the ${facts.source}`);
  return { bytes, checkedAt };
}

async function writeCopy(path: string, options: RegistryCopyOptions, copied: CopiedRegistry): Promise<void> {
  const { bytes, checkedAt } = copied;
  const { project, source } = options;
  const facts: Facts = { project, source, length: bytes.length, sha256: hash('sha256', bytes) };
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // One name for each process: what a crash left behind is written over by the next start in a container.
  const temporary = `${path}.${process.pid}.tmp`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(`${MAGIC}${timeText(checkedAt)}\n${JSON.stringify(facts)}\n`);
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const parent = await open(folder, 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

async function confirmCopy(path: string, checkedAt: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { buffer } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
    if (buffer.toString('latin1') !== MAGIC) throw unusable(path, 'it is not a copy of a registry');
    await file.write(timeText(checkedAt), MAGIC.length, 'latin1');
  } finally {
    await file.close();
  }
}

function timeText(time: number): string {
  return new Date(time).toISOString();
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT') return 'it is not there';
  return code === '' ? 'it is damaged' : `it cannot be read or written (${code})`;
}

function unusable(path: string, why: string, cause?: unknown): RegistryError {
  return new RegistryError('REGISTRY_COPY_UNUSABLE', `The copy of the registry at ${path} cannot be used: ${why}.`, {
    hint: 'Check sideboard.registry.snapshot_path; the copy is written whenever the registry is read.',
    ...(cause === undefined ? {} : { cause: plainCause(cause) }),
  });
}
