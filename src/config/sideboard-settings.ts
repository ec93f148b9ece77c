import type { z } from 'zod';
import { type EntityKeyDeclaration, entityKeysFromSchema } from './entity-key-schema.ts';
import { feastPythonServing, servingDefaults, type sideboardSchema } from './sideboard-schema.ts';

/** The settings under `sideboard:`, every default filled in. The settings of single stores stay with the stores. */
export interface SideboardSettings {
  readonly serving: ServingSettings;
  readonly grpc: GrpcSettings;
  readonly ingest: IngestSettings;
  readonly auth: AuthSettings;
  readonly admin: AdminSettings;
  readonly readiness: ReadinessSettings;
  readonly shutdown: ShutdownSettings;
  readonly breaker: BreakerSettings;
  readonly retries: RetrySettings;
  readonly registry: RegistrySettings;
  /** Processes that serve. */
  readonly workers: number;
  /** Look once more under the key of the older serialization when an entity is not found. */
  readonly entityKeyFallback: 'none' | 'v2';
  /** Join keys that are made from columns of the request, each once. */
  readonly entityKeys: readonly EntityKeyDeclaration[];
  /** Where the project's definitions are, a file or a folder, as it is written: relative to the file's folder. */
  readonly definitions: string | undefined;
  readonly log: LogSettings;
  readonly accessLog: AccessLogSettings;
  readonly tracing: TracingSettings;
}

export interface ServingSettings {
  readonly statuses: 'full' | 'feast-python';
  readonly ttl: 'flag' | 'null' | 'ignore';
  readonly entityTypes: 'coerce' | 'as-sent';
  /** A stored value of another type than the registry says: refuse to serve it, or pass it on. */
  readonly storedTypes: 'checked' | 'as-stored';
  /** Already applied to the four above; it also governs details that have no setting of their own. */
  readonly compatibility: 'none' | 'feast-python';
  readonly maxEntitiesPerRequest: number;
  readonly maxFeaturesPerRequest: number;
  /** Entity rows times features. */
  readonly maxValuesPerRequest: number;
  /** Bytes of answers that are read for at a time. */
  readonly maxPendingBytes: number;
  /** Calls whose methods run at a time. */
  readonly maxInFlightCalls: number;
  /** How long a call may wait for its turn. Milliseconds. */
  readonly maxQueueAgeMs: number;
  /** Number of compiled plans that are kept. */
  readonly planCacheSize: number;
  /** Whether rows are taken from callers. */
  readonly writes: boolean;
}

export interface GrpcSettings {
  /** `HOST:PORT`, `[IPV6]:PORT` or `unix:/path`. */
  readonly address: string;
  /** Mode of the file of a Unix socket. */
  readonly socketMode: number;
  /** Listen where other machines connect, also without TLS or authentication. */
  readonly insecureAllowRemote: boolean;
  readonly tls: TlsSettings | undefined;
  /** Which server runs under the protocol. */
  readonly server: 'net-http2' | 'node-http2' | 'grpc-js';
  /** Largest request, in bytes. */
  readonly maxMessageBytes: number;
  /** Per connection. */
  readonly maxConcurrentStreams: number;
  readonly limits: ConnectionLimits;
  /** For callers that send no deadline. Milliseconds. */
  readonly defaultDeadlineMs: number;
  /** A caller's later deadline is cut to this. Milliseconds. */
  readonly maxDeadlineMs: number;
  /** How long a streaming call may wait for its client. Milliseconds. */
  readonly streamIdleMs: number;
  /** Whether clients may ask which services and messages there are. */
  readonly reflection: boolean;
}

/** Limits of connections. All times in milliseconds. */
export interface ConnectionLimits {
  /** Metadata of one call, as HTTP/2 counts header fields: names, values and 32 bytes for each. */
  readonly maxHeaderBytes: number;
  readonly maxConnections: number;
  /** 0 for no end. */
  readonly connectionAgeMs: number;
  readonly connectionAgeGraceMs: number;
  /** 0 for no end. */
  readonly connectionIdleMs: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Least time between two pings of a client that has no traffic. */
  readonly minPingIntervalMs: number;
}

/** Probes and metrics. */
export interface AdminSettings {
  /** As written: `HOST:PORT`, `[IPV6]:PORT`, `unix:/path` or `off`. */
  readonly address: string | undefined;
}

export interface ReadinessSettings {
  /** `startup`: the store has to answer once. `strict`: it has to go on answering. */
  readonly store: 'startup' | 'strict';
}

export interface ShutdownSettings {
  /** How long calls are still taken after the process says that it stops. Milliseconds. */
  readonly waitMs: number;
}

/** The circuit breaker in front of the store. All times in milliseconds. */
export interface BreakerSettings {
  readonly enabled: boolean;
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long calls may wait while nothing at all is answered, before the store is asked whether it is there. */
  readonly stallMs: number;
  readonly probeTimeoutMs: number;
  /** Pauses between probes: the first, and the longest. */
  readonly minOpenMs: number;
  readonly maxOpenMs: number;
}

/** Repeats of calls of the store whose connection broke. */
export interface RetrySettings {
  /** Share of all calls that may be repeated. */
  readonly percent: number;
}

/** Paths as they are written: relative to the file's folder. */
export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities of clients' certificates: with it, every client needs one. */
  readonly clientCaFile: string | undefined;
  /** Names of which a client's certificate has to have one; empty for any. */
  readonly clientNames: readonly string[];
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** Beside Feast's `auth`. */
export interface AuthSettings {
  /** `open`: nobody is asked who they are; `auth` is for the registry's server alone. */
  readonly callers: 'checked' | 'open';
  /** Whether calls without a token are refused; only where there is a way to have one. */
  readonly required: boolean;
  /** As it is written: relative to the file's folder. */
  readonly tokensFile: string | undefined;
  /** A token has to be for one of them; `any`: it is not looked at; nothing: as Feast's section says. */
  readonly audience: readonly string[] | 'any' | undefined;
  readonly issuer: string | undefined;
  readonly algorithms: z.output<typeof sideboardSchema>['auth']['algorithms'];
  readonly clockSkewSeconds: number;
  /** How long Kubernetes is believed about a token. */
  readonly reviewCacheSeconds: number;
  readonly serviceAccountDir: string;
  /** What callers may do where the registry has no permissions. */
  readonly default: 'allow' | 'deny';
}

/** Of `sideboard.v1.Ingest/Write`. */
export interface IngestSettings {
  /** Of one call. */
  readonly maxBatchesInFlight: number;
  /** Bytes of batches that are worked on at a time, in the whole process. */
  readonly maxPendingBytes: number;
  /** How long the store may take for one batch. Milliseconds. */
  readonly batchTimeoutMs: number;
}

/** What Feast's `registry` section has no words for. */
export interface RegistrySettings {
  /** Where a copy of the last good registry is kept; relative to the file's folder as it is written. */
  readonly snapshotPath: string | undefined;
  /** How long one reading of the registry may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Largest registry, in bytes. */
  readonly maxBytes: number;
  /** Where S3 is asked, in place of AWS. */
  readonly s3EndpointUrl: string | undefined;
}

export interface LogSettings {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** `auto`: pretty on a terminal, JSON elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty';
}

/** Lines of single calls in the log. */
export interface AccessLogSettings {
  readonly enabled: boolean;
  /** Share of all calls that get a line. */
  readonly sampleRatio: number;
  /** A call that took so long gets one in any case. Milliseconds. */
  readonly slowMs: number;
  /** Lines of failed calls, and of slow ones, per second. */
  readonly maxPerSecond: number;
}

/** OpenTelemetry. The variables `OTEL_*` count before it. */
export interface TracingSettings {
  /** `undefined`: as the variables say. */
  readonly enabled: boolean | undefined;
  readonly endpoint: string | undefined;
  readonly protocol: 'http/protobuf' | 'grpc';
  /** Of traces that begin here. */
  readonly sampleRatio: number;
  readonly serviceName: string;
}

/** Names the settings as the code does, and applies `compatibility`. */
export function sideboardSettingsFromSchema(parsed: z.output<typeof sideboardSchema>): SideboardSettings {
  const { serving, grpc, ingest, auth, log, registry, admin, readiness, shutdown, breaker, retries, tracing } = parsed;
  const implied = serving.compatibility === undefined ? servingDefaults : feastPythonServing;
  return Object.freeze({
    serving: Object.freeze({
      statuses: serving.statuses ?? implied.statuses,
      ttl: serving.ttl === undefined ? implied.ttl : (serving.ttl ?? 'null'),
      entityTypes: serving.entity_types ?? implied.entityTypes,
      storedTypes: serving.stored_types ?? implied.storedTypes,
      compatibility: serving.compatibility ?? 'none',
      maxEntitiesPerRequest: serving.max_entities_per_request,
      maxFeaturesPerRequest: serving.max_features_per_request,
      maxValuesPerRequest: serving.max_values_per_request,
      maxPendingBytes: serving.max_pending_bytes,
      maxInFlightCalls: serving.max_in_flight_calls,
      maxQueueAgeMs: serving.max_queue_age_ms,
      planCacheSize: serving.plan_cache_size,
      writes: serving.writes ?? true,
    }),
    grpc: Object.freeze({
      address: grpc.address,
      socketMode: Number.parseInt(grpc.socket_mode, 8),
      insecureAllowRemote: grpc.insecure_allow_remote,
      tls: tlsFromSchema(grpc.tls),
      server: grpc.server,
      maxMessageBytes: grpc.max_message_bytes,
      maxConcurrentStreams: grpc.max_concurrent_streams,
      limits: Object.freeze({
        maxHeaderBytes: grpc.max_metadata_bytes,
        maxConnections: grpc.max_connections,
        connectionAgeMs: grpc.max_connection_age_ms,
        connectionAgeGraceMs: grpc.max_connection_age_grace_ms,
        connectionIdleMs: grpc.max_connection_idle_ms,
        keepaliveMs: grpc.keepalive_ms,
        keepaliveTimeoutMs: grpc.keepalive_timeout_ms,
        minPingIntervalMs: grpc.min_ping_interval_ms,
      }),
      defaultDeadlineMs: grpc.default_deadline_ms,
      maxDeadlineMs: grpc.max_deadline_ms,
      streamIdleMs: grpc.stream_idle_ms,
      reflection: grpc.reflection ?? false,
    }),
    admin: Object.freeze({ address: admin.address }),
    readiness: Object.freeze({ store: readiness.store }),
    shutdown: Object.freeze({ waitMs: shutdown.wait_ms }),
    breaker: Object.freeze({
      enabled: breaker.enabled ?? true,
      failures: breaker.failures,
      stallMs: breaker.stall_ms,
      probeTimeoutMs: breaker.probe_timeout_ms,
      minOpenMs: breaker.min_open_ms,
      maxOpenMs: breaker.max_open_ms,
    }),
    retries: Object.freeze({ percent: retries.percent }),
    ingest: Object.freeze({
      maxBatchesInFlight: ingest.max_batches_in_flight,
      maxPendingBytes: ingest.max_pending_bytes,
      batchTimeoutMs: ingest.batch_timeout_ms,
    }),
    auth: Object.freeze({
      callers: auth.callers,
      required: auth.required ?? true,
      tokensFile: auth.tokens_file,
      audience: audienceFromSchema(auth.audience),
      issuer: auth.issuer,
      algorithms: auth.algorithms,
      clockSkewSeconds: auth.clock_skew_seconds,
      reviewCacheSeconds: auth.review_cache_seconds,
      serviceAccountDir: auth.service_account_dir,
      default: auth.default,
    }),
    registry: Object.freeze({
      snapshotPath: registry.snapshot_path,
      timeoutMs: registry.timeout_ms,
      maxBytes: registry.max_bytes,
      s3EndpointUrl: registry.s3_endpoint_url,
    }),
    workers: parsed.workers,
    entityKeyFallback: parsed.entity_key_fallback ?? 'none',
    entityKeys: entityKeysFromSchema(parsed.entity_keys ?? {}),
    definitions: parsed.definitions,
    log: Object.freeze({ level: log.level, format: log.format }),
    accessLog: Object.freeze({
      enabled: parsed.access_log.enabled ?? false,
      sampleRatio: parsed.access_log.sample_ratio,
      slowMs: parsed.access_log.slow_ms,
      maxPerSecond: parsed.access_log.max_per_second,
    }),
    tracing: Object.freeze({
      enabled: tracing.enabled,
      endpoint: tracing.endpoint,
      protocol: tracing.protocol,
      sampleRatio: tracing.sample_ratio,
      serviceName: tracing.service_name,
    }),
  });
}

function tlsFromSchema(tls: z.output<typeof sideboardSchema>['grpc']['tls']): TlsSettings | undefined {
  if (tls === undefined) return undefined;
  return Object.freeze({
    certFile: tls.cert_file,
    keyFile: tls.key_file,
    clientCaFile: tls.client_ca_file,
    clientNames: Object.freeze([...(tls.client_names ?? [])]),
    minVersion: tls.min_version,
  });
}

function audienceFromSchema(audience: string | readonly string[] | undefined): readonly string[] | 'any' | undefined {
  if (audience === undefined || audience === 'any') return audience;
  return Object.freeze(typeof audience === 'string' ? [audience] : [...audience]);
}
