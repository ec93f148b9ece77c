import { z } from 'zod';

/** `online_store:` of type `connector`. */
export const ConnectorOnlineStoreConfig = z
  .strictObject({
    /** `HOST:PORT` of the store process, an IPv6 host in brackets; or `unix:/path`, relative to the folder of feature_store.yaml. */
    address: z.string().refine(isAddress).meta({ expected: 'HOST:PORT (an IPv6 host in brackets) or unix:/path' }),
    /** Encrypts the connection and checks the server's certificate. */
    tls: z.boolean().default(false),
    /** PEM file with the authorities to trust in place of the system's, relative to the folder of feature_store.yaml. */
    ca_cert: z.string().min(1).optional(),
    /** PEM files of a certificate of our own and its key, where the store process asks for one. */
    client_cert: z.string().min(1).optional(),
    client_key: z.string().min(1).optional(),
    /** The name that the server's certificate is compared with, where it is not that of the address. */
    server_name: z.string().min(1).optional(),
  })
  .superRefine((config, context) => {
    const issue = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (!config.tls) {
      for (const key of ['ca_cert', 'client_cert', 'client_key', 'server_name'] as const) {
        if (config[key] !== undefined) issue(key, 'is of use with tls: true only.');
      }
    } else if ((config.client_cert === undefined) !== (config.client_key === undefined)) {
      issue('client_cert', 'client_cert and client_key belong together.');
    }
  });
export type ConnectorOnlineStoreConfig = z.infer<typeof ConnectorOnlineStoreConfig>;

/** `sideboard.connector:` in feature_store.yaml. */
export const ConnectorOnlineStoreSettings = z.strictObject({
  /** How long a call may take, in milliseconds; a caller's deadline that ends earlier is kept. */
  call_timeout_ms: z.int().min(1).max(600_000).default(2000),
  /** Longest pause between two attempts to connect again, in milliseconds. */
  reconnect_max_delay_ms: z.int().min(100).max(600_000).default(1000),
  /** Time without traffic after which the connection is probed during a call, in milliseconds. */
  keep_alive_ms: z.int().min(1000).max(600_000).default(15_000),
  /** Largest answer in bytes. */
  max_message_bytes: z.int().min(1024).max(2_147_483_647).default(67_108_864),
  /** Entities of one call: a read of more takes several at the same time. */
  max_entities_per_call: z.int().min(1).max(1_000_000).default(1000),
  /** File with the token that says who asks, looked at again every five seconds; relative to the folder of feature_store.yaml. */
  token_file: z.string().min(1).optional(),
});
export type ConnectorOnlineStoreSettings = z.infer<typeof ConnectorOnlineStoreSettings>;

function isAddress(address: string): boolean {
  if (address.startsWith('unix:')) return address.length > 'unix:'.length && !address.includes('\0');
  const [, port] = /^(?:\[[0-9a-fA-F:.%]+\]|[^\s:[\]/]+):(\d{1,5})$/.exec(address) ?? [];
  return port !== undefined && Number(port) > 0 && Number(port) <= 65_535;
}
