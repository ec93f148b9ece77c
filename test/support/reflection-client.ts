import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Client, credentials } from '@grpc/grpc-js';
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '../../gen/grpc/reflection/v1/reflection_pb.ts';

export type ReflectionQuestion = ServerReflectionRequest['messageRequest'];

const bytes = (message: Buffer): Buffer => message;

/** Asks a server what it serves, all questions on one call. @param version of the protocol: v1 or v1alpha */
export function askReflection(
  address: string,
  version: string,
  questions: readonly ReflectionQuestion[],
): Promise<readonly ServerReflectionResponse[]> {
  const client = new Client(address, credentials.createInsecure());
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const stream = client.makeBidiStreamRequest(path, bytes, bytes, { deadline: Date.now() + 10_000 });
  const answers: ServerReflectionResponse[] = [];
  return new Promise<readonly ServerReflectionResponse[]>((resolve, reject) => {
    stream.on('data', (message: Buffer) => answers.push(fromBinary(ServerReflectionResponseSchema, message)));
    stream.on('error', reject);
    stream.on('end', () => resolve(answers));
    for (const messageRequest of questions) {
      const request = create(ServerReflectionRequestSchema, { host: 'h', messageRequest });
      stream.write(Buffer.from(toBinary(ServerReflectionRequestSchema, request)));
    }
    stream.end();
  }).finally(() => client.close());
}

/** Names of services or files, numbers of extensions, or the code of a refusal. */
export function reflectionSummary({ messageResponse: { case: kind, value } }: ServerReflectionResponse): unknown {
  switch (kind) {
    case 'listServicesResponse':
      return value.service.map(({ name }) => name);
    case 'fileDescriptorResponse':
      return value.fileDescriptorProto.map((file) => fromBinary(FileDescriptorProtoSchema, file).name);
    case 'allExtensionNumbersResponse':
      return value.extensionNumber;
    case 'errorResponse':
      return value.errorCode;
    default:
      return kind;
  }
}
