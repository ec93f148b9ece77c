/** Limits of which no call's error tells: they concern connections, or calls that were never begun. */
export type TransportLimit =
  | 'connections'
  | 'connection_age'
  | 'connection_idle'
  | 'keepalive'
  | 'pings'
  | 'streams'
  | 'metadata'
  | 'resets'
  | 'frames'
  | 'settings';
