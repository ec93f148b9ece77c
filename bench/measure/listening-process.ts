import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTENING = '0A';

/** The process of this machine that listens on a TCP port; `undefined` where there is none that this user may look at. */
export function listeningProcess(port: number): number | undefined {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => listeningInodes(file, port)));
  if (inodes.size === 0) return undefined;
  return pids().find((pid) => openSockets(pid).some((inode) => inodes.has(inode)));
}

/** Columns: number, local address, remote address, state, queues, timer, retransmits, user, timeout, inode. */
function listeningInodes(file: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return (tryRead(() => readFileSync(file, 'utf8')) ?? '')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === LISTENING && local?.endsWith(suffix) === true)
    .map((columns) => columns[9] ?? '');
}

function openSockets(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return (tryRead(() => readdirSync(folder)) ?? []).flatMap((descriptor) => {
    const target = tryRead(() => readlinkSync(`${folder}/${descriptor}`));
    return /^socket:\[(\d+)\]$/.exec(target ?? '')?.[1] ?? [];
  });
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
