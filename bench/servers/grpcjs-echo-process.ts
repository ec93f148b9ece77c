/**
 * A gRPC server on @grpc/grpc-js that answers every call with the bytes of a file: what the library costs without any work.
 *
 *     grpcjs-echo-process <port> <file>
 */
import { readFileSync } from 'node:fs';
import { type MethodDefinition, Server, ServerCredentials } from '@grpc/grpc-js';

const [port = '', file = ''] = process.argv.slice(2);
const answer = readFileSync(file);
const bytes = (message: Buffer) => message;
const echo: MethodDefinition<Buffer, Buffer> = {
  path: '/bench.Echo/Echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};
const server = new Server();
server.addService(
  { echo },
  { echo: (_call: unknown, reply: (error: null, answer: Buffer) => void) => reply(null, answer) },
);
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
