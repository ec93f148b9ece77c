/** What keeps this process alive. */
export interface OpenResources {
  readonly sockets: number;
  readonly timers: number;
}

export function countOpenResources(): OpenResources {
  const open = process.getActiveResourcesInfo();
  const count = (kinds: readonly string[]): number => open.filter((kind) => kinds.includes(kind)).length;
  return { sockets: count(['TCPSocketWrap', 'TCPWRAP', 'TLSWRAP']), timers: count(['Timeout']) };
}
