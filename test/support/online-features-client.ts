import { create, fromBinary, type JsonValue, toBinary } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import {
  type FieldStatus,
  FieldStatusSchema,
  type GetOnlineFeaturesRequest,
  GetOnlineFeaturesRequestSchema,
  type GetOnlineFeaturesResponse,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import type { Value } from '../../gen/feast/types/Value_pb.ts';
import { comparableValue } from './feature-values.ts';

/** A request in the words of the protocol, without its wrappers. */
export interface Ask {
  readonly features?: readonly string[];
  readonly service?: string;
  readonly entities?: Readonly<Record<string, readonly Value[]>>;
  readonly context?: Readonly<Record<string, readonly Value[]>>;
  readonly fullNames?: boolean;
  readonly versions?: boolean;
}

/** One column of an answer, ready to be compared. Times are RFC 3339 in UTC, with nine fraction digits or none. */
export interface AnswerColumn {
  readonly name: string;
  readonly values: readonly JsonValue[];
  readonly statuses: readonly string[];
  readonly times: readonly string[];
}

export interface Answer {
  readonly columns: readonly AnswerColumn[];
  readonly versions: readonly { readonly name: string; readonly version: number }[];
}

/** How a call failed: the gRPC status by name, Sideboard's stable code from the trailer, and the message. */
export interface Refusal {
  readonly status: string;
  readonly code: string;
  readonly message: string;
}

export const SERVING_METHOD = '/feast.serving.ServingService/GetOnlineFeatures';
export const FEATURE_SERVER_METHOD = '/GrpcFeatureServer/GetOnlineFeatures';

export interface OnlineFeaturesClient {
  /** Sends raw bytes to a method. @throws ServiceError */
  call(method: string, message: Uint8Array): Promise<Buffer>;
  ask(ask: Ask): Promise<Answer>;
  close(): void;
}

/** How a client shows who it is. */
export interface ClientIdentity {
  /** Default: without TLS. */
  readonly channel?: ChannelCredentials;
  /** The whole `authorization` header. */
  readonly authorization?: string;
  /** Further headers of every call. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A gRPC client that sees messages as bytes, so that tests can send what no generated client would.
 * @param options channel options; with `grpc.use_local_subchannel_pool` it shares its connection with no other client
 */
export function createOnlineFeaturesClient(
  address: string,
  options: ChannelOptions = {},
  { channel, authorization, headers = {} }: ClientIdentity = {},
): OnlineFeaturesClient {
  const client = new Client(address, channel ?? credentials.createInsecure(), options);
  const metadata = new Metadata();
  if (authorization !== undefined) metadata.set('authorization', authorization);
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const call = (method: string, message: Uint8Array): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes: Buffer) => bytes,
        message,
        metadata,
        (error: ServiceError | null, reply?: Buffer) => {
          if (error !== null) reject(error);
          else resolve(reply ?? Buffer.alloc(0));
        },
      );
    });
  return {
    call,
    async ask(ask) {
      const reply = await call(SERVING_METHOD, toBinary(GetOnlineFeaturesRequestSchema, requestFromAsk(ask)));
      return answerFromResponse(fromBinary(GetOnlineFeaturesResponseSchema, reply));
    },
    close: () => client.close(),
  };
}

export function requestFromAsk(ask: Ask): GetOnlineFeaturesRequest {
  const columns = (from: Ask['entities']) =>
    Object.fromEntries(Object.entries(from ?? {}).map(([name, val]) => [name, { val: [...val] }]));
  return create(GetOnlineFeaturesRequestSchema, {
    kind:
      ask.service !== undefined
        ? { case: 'featureService', value: ask.service }
        : ask.features !== undefined
          ? { case: 'features', value: { val: [...ask.features] } }
          : { case: undefined },
    entities: columns(ask.entities),
    requestContext: columns(ask.context),
    fullFeatureNames: ask.fullNames ?? false,
    includeFeatureViewVersionMetadata: ask.versions ?? false,
  });
}

export function answerFromResponse(response: GetOnlineFeaturesResponse): Answer {
  const names = response.metadata?.featureNames?.val ?? [];
  if (names.length !== response.results.length) {
    throw new Error(`the answer has ${names.length} names for ${response.results.length} columns`);
  }
  return {
    columns: response.results.map((vector, index) => ({
      name: names[index] ?? '',
      values: vector.values.map(comparableValue),
      statuses: vector.statuses.map(statusName),
      times: vector.eventTimestamps.map(timeText),
    })),
    versions: (response.metadata?.featureViewMetadata ?? []).map(({ name, version }) => ({ name, version })),
  };
}

/** Awaits a call that must fail. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    const { code, details, metadata } = error as ServiceError;
    if (code === undefined) throw error;
    return { status: status[code], code: String(metadata.get('sideboard-code')[0] ?? ''), message: details };
  }
  throw new Error('the call was answered where an error was expected');
}

function statusName(value: FieldStatus): string {
  return FieldStatusSchema.value[value]?.name ?? `unknown status ${value}`;
}

function timeText(time: Timestamp): string {
  const seconds = new Date(Number(time.seconds) * 1000).toISOString().slice(0, 19);
  return time.nanos === 0 ? `${seconds}Z` : `${seconds}.${String(time.nanos).padStart(9, '0')}Z`;
}
