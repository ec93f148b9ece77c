import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';

/** A request on its way to DynamoDB. */
export interface ProxiedCall {
  /** `BatchGetItem`, `ListTables`, … */
  readonly action: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ProxiedAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** `application/x-amz-json-1.0` by default. */
  readonly contentType?: string;
  /** After how many bytes of the body the connection is cut. */
  readonly cutAfter?: number;
  /** Changes the bytes of the body, behind the checksum's back. */
  readonly spoil?: (bytes: Buffer) => void;
}

/** Asks the server behind the proxy, with another body where one is given. */
export type Forward = (body?: Readonly<Record<string, unknown>>) => Promise<ProxiedAnswer>;

/** What happens to a call; a promise that never resolves leaves the client waiting. */
export type Intervention = (call: ProxiedCall, forward: Forward) => Promise<ProxiedAnswer>;

/** Stands between a store and a real server, passes requests on, and lets a test step in between. */
export interface DynamoProxy {
  readonly url: string;
  /** Calls that came, in order. */
  readonly calls: ProxiedCall[];
  /** Connections of clients that are open. */
  readonly open: number;
  /** The most calls that were under way at the same time. */
  readonly mostAtOnce: number;
  intervene(intervention: Intervention | undefined): void;
  close(): Promise<void>;
}

/** @param port to listen on; a free one by default */
export async function startDynamoProxy(targetPort: number, port = 0): Promise<DynamoProxy> {
  const calls: ProxiedCall[] = [];
  const sockets = new Set<IncomingMessage['socket']>();
  let intervention: Intervention | undefined;
  let running = 0;
  let mostAtOnce = 0;

  const server = createServer((incoming, outgoing) => {
    void serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const text = await readAll(incoming);
    const action = String(incoming.headers['x-amz-target']).split('.').at(-1) ?? '';
    const call: ProxiedCall = { action, body: JSON.parse(text.toString('utf8')) };
    calls.push(call);
    running++;
    mostAtOnce = Math.max(mostAtOnce, running);
    const forward: Forward = (body = call.body) => ask(targetPort, incoming.headers, body);
    try {
      send(outgoing, await (intervention?.(call, forward) ?? forward()));
    } finally {
      running--;
    }
  };
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    get open() {
      return sockets.size;
    },
    get mostAtOnce() {
      return mostAtOnce;
    },
    intervene: (next) => {
      intervention = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** What DynamoDB answers when it refuses. */
export function refusal(name: string, message = 'no reason given', status = 400): ProxiedAnswer {
  return { status, body: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message } };
}

/** Lets DynamoDB process so many keys of a BatchGetItem; the others are left, as when it throttles. */
export async function processOnly(count: number, call: ProxiedCall, forward: Forward): Promise<ProxiedAnswer> {
  const tables = call.body.RequestItems as Readonly<Record<string, { readonly Keys: readonly object[] }>>;
  let room = count;
  const taken: Record<string, object> = {};
  const left: Record<string, object> = {};
  for (const [name, request] of Object.entries(tables)) {
    const keys = request.Keys.slice(0, room);
    const rest = request.Keys.slice(keys.length);
    room -= keys.length;
    if (keys.length > 0) taken[name] = { ...request, Keys: keys };
    if (rest.length > 0) left[name] = { ...request, Keys: rest };
  }
  const responses = room === count ? {} : (await forward({ ...call.body, RequestItems: taken })).body.Responses;
  return { status: 200, body: { Responses: responses, UnprocessedKeys: left } };
}

async function ask(port: number, headers: IncomingMessage['headers'], body: object): Promise<ProxiedAnswer> {
  const text = JSON.stringify(body);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(text) },
    });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.end(text);
  });
  const reply = (await readAll(answer)).toString('utf8');
  return { status: answer.statusCode ?? 0, body: reply.startsWith('<') ? refusalFromXml(reply) : JSON.parse(reply) };
}

/** moto refuses in XML whatever it stands for; DynamoDB speaks JSON alone. */
function refusalFromXml(xml: string): ProxiedAnswer['body'] {
  const within = (tag: string): string => new RegExp(`<${tag}>([^<]*)<`).exec(xml)?.[1] ?? '';
  return refusal(`${within('Code')}Exception`, within('Message')).body;
}

function send(outgoing: ServerResponse, { status, body, contentType, cutAfter, spoil }: ProxiedAnswer): void {
  const bytes = Buffer.from(JSON.stringify(body));
  outgoing.writeHead(status, {
    'content-type': contentType ?? 'application/x-amz-json-1.0',
    'content-length': bytes.length,
    'x-amz-crc32': String(crc32(bytes)),
  });
  spoil?.(bytes);
  if (cutAfter === undefined) {
    outgoing.end(bytes);
    return;
  }
  outgoing.write(bytes.subarray(0, cutAfter), () => outgoing.destroy());
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
