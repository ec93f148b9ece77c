import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from '../project-root.ts';

/** What the build stage of the Dockerfile runs, beside node and npm. */
const PROGRAMS = ['sh', 'env', 'mkdir', 'cat', 'cp', 'rm', 'ls', 'uname'];

/**
 * Lays a root file system that stands in for the official Node image, which needs a registry: this machine's shell, a few of its
 * programs with their libraries, its npm, and Node 24 from its npm package. Debian or Ubuntu, because it brings dpkg's records.
 */
export function layStandInBase(root: string): void {
  for (const folder of [
    'usr/bin',
    'usr/sbin',
    'usr/lib',
    'usr/lib64',
    'tmp',
    'root',
    'etc/ssl/certs',
    'var/lib/dpkg/info',
  ]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  const node = join(root, 'usr/local/bin/node');
  copy(join(projectRoot, '.tools/node24/bin/node'), node);
  const programs = PROGRAMS.map((name) => text('sh', ['-c', `command -v ${name}`]));
  for (const program of programs) copy(program, join(root, 'usr/bin', program.slice(program.lastIndexOf('/') + 1)));
  const libraries = new Set([...programs, node].flatMap(librariesOf));
  for (const library of [...libraries, ...librariesOfPackages()]) copy(library, join(root, library));

  const npm = join(text('npm', ['root', '--global']), 'npm');
  cpSync(realpathSync(npm), join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  for (const name of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, 'usr/local/bin', name));
  }
  const authorities = '/etc/ssl/certs/ca-certificates.crt';
  if (existsSync(authorities)) copy(authorities, join(root, authorities));
  copy('/etc/os-release', join(root, 'etc/os-release'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  recordPackages(root);
}

/** Whether this machine can be copied from. */
export function canStandIn(): boolean {
  return process.platform === 'linux' && existsSync('/var/lib/dpkg/status');
}

function librariesOf(program: string): string[] {
  return text('ldd', [program])
    .split('\n')
    .flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

/** Where dpkg lists the files of each package. */
const PACKAGE_LISTS = '/var/lib/dpkg/info';

/** The lists of the packages that Node is linked to. */
function packageLists(): string[] {
  return readdirSync(PACKAGE_LISTS)
    .filter((file) => /^(libc6|libgcc-s1|libstdc\+\+6)(:\w+)?\.list$/.test(file))
    .map((file) => join(PACKAGE_LISTS, file));
}

/** All of their libraries, as every Debian has them: what npm installs may be linked to others than Node is. */
function librariesOfPackages(): string[] {
  return packageLists()
    .flatMap((list) => readFileSync(list, 'utf8').split('\n'))
    .filter((file) => /\.so\.\d+$/.test(file) && existsSync(file));
}

function recordPackages(root: string): void {
  copy('/var/lib/dpkg/status', join(root, 'var/lib/dpkg/status'));
  for (const list of packageLists()) copy(list, join(root, list));
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(realpathSync(from), to);
}

function text(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
