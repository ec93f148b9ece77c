import { create, type DescFile, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { file_feast_serving_Connector } from '../../../gen/feast/serving/Connector_pb.ts';
import { file_feast_serving_GrpcServer } from '../../../gen/feast/serving/GrpcServer_pb.ts';
import { file_feast_serving_ServingService } from '../../../gen/feast/serving/ServingService_pb.ts';
import { file_grpc_health_v1_health } from '../../../gen/grpc/health/v1/health_pb.ts';
import {
  ErrorResponseSchema,
  ExtensionNumberResponseSchema,
  FileDescriptorResponseSchema,
  file_grpc_reflection_v1_reflection,
  ListServiceResponseSchema,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
  ServiceResponseSchema,
} from '../../../gen/grpc/reflection/v1/reflection_pb.ts';
import { file_grpc_reflection_v1alpha_reflection } from '../../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { file_sideboard_v1_ingest } from '../../../gen/sideboard/v1/ingest_pb.ts';
import { ServingError } from '../../serving/serving-error.ts';
import { GrpcStatus } from './grpc-status.ts';
import { type ProtoSymbols, protoSymbolsOf, withImports } from './proto-symbols.ts';
import type { ServiceTable, StreamCall } from './service-table.ts';

/** Descriptors of everything that one of our servers may serve. */
const FILES: readonly DescFile[] = [
  file_feast_serving_ServingService,
  file_feast_serving_GrpcServer,
  file_feast_serving_Connector,
  file_sideboard_v1_ingest,
  file_grpc_health_v1_health,
  file_grpc_reflection_v1_reflection,
  file_grpc_reflection_v1alpha_reflection,
];

const SERVICES = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];

type Answer = ServerReflectionResponse['messageResponse'];

/**
 * Server reflection, by which tools such as grpcurl learn what a server serves without its .proto files. Version 1 and v1alpha differ in
 * their package only, so that one implementation answers both.
 * @param services that are served beside it, with their packages
 */
export function createReflectionService(services: readonly string[]): ServiceTable {
  const reflection = new Reflection([...services, ...SERVICES]);
  return SERVICES.map((service) => ({
    path: `/${service}/ServerReflectionInfo`,
    async stream(call: StreamCall) {
      for await (const message of call.messages) await call.send(reflection.answer(message));
    },
  }));
}

class Reflection {
  readonly #services: readonly string[];
  readonly #files = withImports(FILES);
  readonly #symbols: ProtoSymbols;

  constructor(services: readonly string[]) {
    this.#services = [...services].sort();
    this.#symbols = protoSymbolsOf(this.#files.values());
  }

  answer(message: Uint8Array): Uint8Array {
    const request = parseRequest(message);
    const response = create(ServerReflectionResponseSchema, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: this.#answerTo(request.messageRequest),
    });
    return toBinary(ServerReflectionResponseSchema, response);
  }

  #answerTo(request: ServerReflectionRequest['messageRequest']): Answer {
    const { files, extensions, messages } = this.#symbols;
    switch (request.case) {
      case 'listServices':
        return listOf(this.#services);
      case 'fileByFilename':
        return fileAnswer(this.#files.get(request.value), `There is no file "${shown(request.value)}".`);
      case 'fileContainingSymbol':
        return fileAnswer(files.get(request.value), `There is no symbol "${shown(request.value)}".`);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = request.value;
        const file = extensions.get(containingType)?.get(extensionNumber);
        return fileAnswer(file, `"${shown(containingType)}" has no extension ${extensionNumber}.`);
      }
      case 'allExtensionNumbersOfType': {
        const { value } = request;
        if (!messages.has(value)) return refusal(GrpcStatus.NOT_FOUND, `There is no message "${shown(value)}".`);
        return numbersOf(value, [...(extensions.get(value)?.keys() ?? [])]);
      }
      default:
        return refusal(GrpcStatus.INVALID_ARGUMENT, 'The request asks for nothing that is known here.');
    }
  }
}

function parseRequest(message: Uint8Array): ServerReflectionRequest {
  try {
    return fromBinary(ServerReflectionRequestSchema, message);
  } catch (cause) {
    throw new ServingError('MALFORMED_REQUEST', 'The request is not a ServerReflectionRequest message.', { cause });
  }
}

/** The file and everything that it imports: a client that asked for one needs them all. */
function fileAnswer(file: DescFile | undefined, otherwise: string): Answer {
  if (file === undefined) return refusal(GrpcStatus.NOT_FOUND, otherwise);
  const fileDescriptorProto = [...withImports([file]).values()].map(({ proto }) =>
    toBinary(FileDescriptorProtoSchema, proto),
  );
  return { case: 'fileDescriptorResponse', value: create(FileDescriptorResponseSchema, { fileDescriptorProto }) };
}

function listOf(services: readonly string[]): Answer {
  const service = services.map((name) => create(ServiceResponseSchema, { name }));
  return { case: 'listServicesResponse', value: create(ListServiceResponseSchema, { service }) };
}

function numbersOf(baseTypeName: string, extensionNumber: number[]): Answer {
  const value = create(ExtensionNumberResponseSchema, { baseTypeName, extensionNumber });
  return { case: 'allExtensionNumbersResponse', value };
}

function refusal(errorCode: number, errorMessage: string): Answer {
  return { case: 'errorResponse', value: create(ErrorResponseSchema, { errorCode, errorMessage }) };
}

/** What a caller sends is not repeated at any length. */
function shown(name: string): string {
  return name.slice(0, 200);
}
