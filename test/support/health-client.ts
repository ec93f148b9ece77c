import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ChannelOptions, Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  type HealthCheckResponse_ServingStatus as HealthStatus,
  HealthCheckResponse_ServingStatusSchema as HealthStatusSchema,
} from '../../gen/grpc/health/v1/health_pb.ts';

/** What a Watch has brought so far. */
export interface HealthWatch {
  readonly seen: readonly string[];
  /** Resolves when so many statuses have come. */
  until(count: number): Promise<void>;
  /** How it ended: the gRPC status by name. */
  readonly ended: Promise<string>;
  cancel(): void;
}

export interface HealthClient {
  /** @returns the status of the service, or the gRPC status of the refusal */
  check(service?: string): Promise<string>;
  list(): Promise<Readonly<Record<string, string>>>;
  watch(service?: string): HealthWatch;
  close(): void;
}

const bytes = (message: Buffer): Buffer => message;

/** A client of `grpc.health.v1.Health`. */
export function createHealthClient(address: string, options: ChannelOptions = {}): HealthClient {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1, ...options });
  const request = (service: string): Buffer =>
    Buffer.from(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })));
  const call = (method: string, message: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const path = `/grpc.health.v1.Health/${method}`;
      client.makeUnaryRequest(path, bytes, bytes, message, { deadline: Date.now() + 10_000 }, (error, reply) => {
        if (error !== null || reply === undefined) reject(error);
        else resolve(reply);
      });
    });
  return {
    async check(service = '') {
      try {
        return statusName(await call('Check', request(service)));
      } catch (error) {
        return status[(error as ServiceError).code] ?? '';
      }
    },
    async list() {
      const { statuses } = fromBinary(HealthListResponseSchema, await call('List', Buffer.alloc(0)));
      return Object.fromEntries(Object.entries(statuses).map(([name, each]) => [name, nameOf(each.status)]));
    },
    watch(service = '') {
      const seen: string[] = [];
      const stream = client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', bytes, bytes, request(service));
      stream.on('data', (message: Buffer) => seen.push(statusName(message)));
      stream.on('error', () => {});
      const ended = new Promise<string>((resolve) => {
        stream.on('status', ({ code }: { code: number }) => resolve(status[code] ?? ''));
      });
      return {
        seen,
        async until(count) {
          const more = (): Promise<unknown> => new Promise((resolve) => stream.once('data', resolve));
          while (seen.length < count) await Promise.race([more(), ended.then(assertNever)]);
        },
        ended,
        cancel: () => stream.cancel(),
      };
    },
    close: () => client.close(),
  };
}

function statusName(message: Buffer): string {
  return nameOf(fromBinary(HealthCheckResponseSchema, message).status);
}

function nameOf(status: HealthStatus): string {
  return HealthStatusSchema.value[status]?.name ?? String(status);
}

function assertNever(ending: string): never {
  throw new Error(`the watch ended with ${ending}`);
}
