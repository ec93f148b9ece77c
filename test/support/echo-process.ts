// A process that serves the echo methods and ends, by itself, when it has closed: nothing may keep it.
//
//   echo-process SERVER GRACE    prints its address; closes on SIGTERM
import { type GrpcServerKind, startGrpcServer } from '../../src/transports/grpc/start-grpc-server.ts';
import { createEchoService } from './echo-service.ts';

const [kind, grace] = process.argv.slice(2);
const echo = createEchoService();
const server = await startGrpcServer(kind as GrpcServerKind, echo.methods, echo.options());
process.once('SIGTERM', () => void server.close(Number(grace)));
console.log(server.address);
