import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface JsonRequest {
  readonly url: string;
  /** Limit for the whole exchange, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Authorities in PEM, in place of the system's. */
  readonly ca?: string | Buffer | undefined;
  /** `false`: the server's certificate is not looked at. */
  readonly verifyTls?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent by POST, as JSON. Without it the request is a GET. */
  readonly body?: unknown;
}

export interface JsonAnswer {
  readonly status: number;
  readonly json: unknown;
}

/**
 * One request whose answer is JSON. Redirects are not followed: what is fetched here decides who may call.
 * @throws Error what went wrong, without headers and bodies
 */
export function fetchJson(options: JsonRequest): Promise<JsonAnswer> {
  return new Promise((resolve, reject) => {
    const request = begin(options, (response) => {
      readBounded(response, options.maxBytes).then(
        (text) => {
          clearTimeout(timer);
          try {
            resolve({ status: response.statusCode ?? 0, json: JSON.parse(text) });
          } catch {
            reject(new Error(`the answer (status ${response.statusCode}) is not JSON`));
          }
        },
        (error) => {
          clearTimeout(timer);
          request.destroy();
          reject(error);
        },
      );
    });
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${options.timeoutMs} ms`)),
      options.timeoutMs,
    );
    request.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.end(options.body === undefined ? undefined : JSON.stringify(options.body));
  });
}

function begin(options: JsonRequest, answered: (response: IncomingMessage) => void): ClientRequest {
  const { url, ca, verifyTls = true, headers, body } = options;
  const shared: RequestOptions = {
    method: body === undefined ? 'GET' : 'POST',
    agent: false,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
  };
  if (!url.startsWith('https:')) return httpRequest(url, shared, answered);
  const tls = { rejectUnauthorized: verifyTls, minVersion: 'TLSv1.2' as const, ...(ca === undefined ? {} : { ca }) };
  return httpsRequest(url, { ...shared, ...tls }, answered);
}

async function readBounded(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
