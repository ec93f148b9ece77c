import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { projectRoot } from '../project-root.ts';
import { skipBecause } from '../skip-because.ts';
import { canStandIn, layStandInBase } from './stand-in-base.ts';

/** The parts of an image's configuration that a runtime goes by. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly ExposedPorts: Readonly<Record<string, unknown>>;
  readonly Labels: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
}

/** An image that was built from docker/Dockerfile and laid out in a folder. */
export interface TestImage {
  /** Its root file system. */
  readonly root: string;
  /** What stood at its top when it was built: a runtime adds the places of its mounts. */
  readonly entries: readonly string[];
  readonly config: ImageConfig;
  /** For files of the tests; removed with the image. */
  readonly folder: string;
  remove(): void;
}

/** Name of what stands in for the official Node image. */
export const STAND_IN_BASE = 'localhost/sideboard-stand-in:24';

/** Skips, with a reason, where an image cannot be built or run. */
function needContainerTools(context: Context): void {
  const missing = ['buildah', 'runc'].filter((name) => !onPath(name));
  if (missing.length > 0)
    skipBecause(context, `${missing.join(' and ')} cannot be found: scripts/setup-container-tools.sh`);
  if (process.getuid?.() !== 0) skipBecause(context, 'building and running an image without a daemon needs root here');
  if (!canStandIn())
    skipBecause(context, 'the stand-in for the base image is made of the files of a Debian or Ubuntu machine');
}

let built: TestImage | undefined;

/** The image of all tests of this process: Redis, SQLite, and what loads files. Removed when the process ends. */
export function sharedTestImage(context: Context): TestImage {
  needContainerTools(context);
  if (built === undefined) {
    const image = buildTestImage({ STORES: 'redis,sqlite', EXTRAS: 'duckdb', VERSION: '9.8.7' });
    process.on('exit', () => image.remove());
    built = image;
  }
  return built;
}

/**
 * Builds docker/Dockerfile with buildah, isolated by chroot, on a stand-in for its base image. Takes about a minute, most of it `npm ci`.
 * @param args build arguments
 */
function buildTestImage(args: Readonly<Record<string, string>>): TestImage {
  const folder = mkdtempSync(join(tmpdir(), 'sideboard-image-'));
  const storage = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const buildah = (...rest: readonly string[]): string => run('buildah', [...storage, ...rest]);
  try {
    const base = join(folder, 'base');
    mkdirSync(base);
    layStandInBase(base);
    writeFileSync(join(folder, 'Basefile'), standInFile());
    buildah('bud', '--pull-never', '--isolation', 'chroot', '-t', STAND_IN_BASE, '-f', join(folder, 'Basefile'), base);
    rmSync(base, { recursive: true });

    const all = { NODE_IMAGE: STAND_IN_BASE, ...args };
    const given = Object.entries(all).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
    const dockerfile = join(projectRoot, 'docker/Dockerfile');
    const volumes = npmVolumes(folder).flatMap((volume) => ['--volume', volume]);
    buildah(
      'bud',
      '--pull-never',
      '--isolation',
      'chroot',
      ...volumes,
      ...given,
      '-t',
      'sideboard',
      '-f',
      dockerfile,
      projectRoot,
    );
    const container = buildah('from', '--pull-never', 'sideboard');
    const root = buildah('mount', container);
    const inspected: { OCIv1: { config: ImageConfig } } = JSON.parse(buildah('inspect', container));
    return { root, entries: readdirSync(root).sort(), config: inspected.OCIv1.config, folder, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** The build runs as this machine's npm does: its registry, its authorities, what it has fetched before. None of it gets into the image. */
function npmVolumes(folder: string): readonly string[] {
  const settings = join(homedir(), '.npmrc');
  const cache = run('npm', ['config', 'get', 'cache']);
  mkdirSync(cache, { recursive: true });
  const own = join(folder, 'npmrc');
  if (!existsSync(settings)) writeFileSync(own, '');
  return [`${existsSync(settings) ? settings : own}:/root/.npmrc:ro`, `${cache}:/root/.npm`];
}

function standInFile(): string {
  return [
    'FROM scratch',
    'COPY . /',
    'ENV PATH=/usr/local/bin:/usr/bin HOME=/root npm_config_prefer_offline=true npm_config_update_notifier=false',
    ...(process.env.NODE_EXTRA_CA_CERTS === undefined
      ? []
      : ['ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt']),
    '',
  ].join('\n');
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

/** @throws Error that shows what the program said */
export function run(program: string, args: readonly string[]): string {
  try {
    const options: ExecFileSyncOptionsWithStringEncoding = {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 * 1024,
    };
    return execFileSync(program, args, options).trim();
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}
