import assert from 'node:assert/strict';
import { startGrpcHttp2Server } from '../../src/transports/grpc/http2/grpc-http2-server.ts';
import { http2Limits } from '../../src/transports/grpc/http2-limits.ts';
import { type NetHttp2Limits, netHttp2Limits } from '../../src/transports/grpc/net-http2/net-http2-limits.ts';
import { startNetHttp2Server } from '../../src/transports/grpc/net-http2/net-http2-server.ts';
import type { GrpcServer, GrpcServerOptions, ServiceTable } from '../../src/transports/grpc/service-table.ts';
import { createEchoService, type EchoService } from './echo-service.ts';
import { http2Call, openSession, statusOf } from './http2-call.ts';
import { grpcMessage, Http2Wire } from './http2-wire.ts';

export const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Waits until something holds, or fails with what it says then. */
export async function eventually(holds: () => boolean, what: () => string, withinMs = 5_000): Promise<void> {
  const giveUp = Date.now() + withinMs;
  while (!holds()) {
    if (Date.now() > giveUp) assert.fail(what());
    await pause(10);
  }
}

/** The servers that speak HTTP/2 by rules of ours. */
export const http2Servers = ['net-http2', 'node-http2'] as const;
export type Http2ServerKind = (typeof http2Servers)[number];

/** Such a server of one test, and raw clients of it. */
export class Http2ServerUnderTest {
  readonly echo: EchoService;
  readonly server: GrpcServer;
  readonly #wires: Http2Wire[] = [];

  constructor(echo: EchoService, server: GrpcServer) {
    this.echo = echo;
    this.server = server;
  }

  /** @param more methods beside those of the echo service */
  static async start(
    kind: Http2ServerKind,
    options: Partial<GrpcServerOptions> = {},
    limits: Partial<NetHttp2Limits> = {},
    more: ServiceTable = [],
  ): Promise<Http2ServerUnderTest> {
    const echo = createEchoService();
    const methods = [...echo.methods, ...more];
    const server = await (kind === 'net-http2'
      ? startNetHttp2Server(methods, echo.options(options), { ...netHttp2Limits, ...limits })
      : startGrpcHttp2Server(methods, echo.options(options), { ...http2Limits, ...limits }));
    return new Http2ServerUnderTest(echo, server);
  }

  /** A client that only connected. */
  open(): Promise<Http2Wire> {
    return this.#kept(Http2Wire.open(this.server.address));
  }

  /** A client that has exchanged settings. */
  greet(settings?: Buffer): Promise<Http2Wire> {
    return this.#kept(Http2Wire.greet(this.server.address, settings));
  }

  /** A call on a connection of its own is answered, soon. */
  async serves(withinMs = 5_000): Promise<void> {
    const session = openSession(this.server.address);
    const started = Date.now();
    const answer = await http2Call(session, '/test.Echo/Later', { frames: [grpcMessage(Buffer.from('x'))] });
    session.destroy();
    assert.equal(statusOf(answer), 0);
    assert.ok(Date.now() - started < withinMs, `answered after ${Date.now() - started} ms`);
  }

  /** Waits until nothing of any call is left. */
  async hasNoCalls(withinMs?: number): Promise<void> {
    const none = () => this.server.openCalls() === 0;
    await eventually(none, () => `${this.server.openCalls()} calls are left`, withinMs);
  }

  async end(): Promise<void> {
    for (const wire of this.#wires) wire.destroy();
    await this.server.close(100);
  }

  async #kept(opening: Promise<Http2Wire>): Promise<Http2Wire> {
    const wire = await opening;
    this.#wires.push(wire);
    return wire;
  }
}
