import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { listen } from '../grpc/listen.ts';
import { adminLimits } from './admin-limits.ts';

/** What the pages say. Neither function throws, or what it throws becomes a 500 that says nothing more. */
export interface AdminPages {
  /** Whether calls should come here. All of it goes out as JSON; it holds no secret and no stored value. */
  readonly ready: () => { readonly ready: boolean };
  /** @param accept what the client says that it understands */
  readonly metrics: (accept: string) => Promise<MetricsPage>;
}

export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

export interface AdminServer {
  /** `host:port` with the real port, or `unix:/absolute/path`. */
  readonly address: string;
  /** Stops accepting and hangs up. Safe to call twice. */
  close(): Promise<void>;
}

/** What of `accept` decides how the page is written. */
const OPEN_METRICS = 'application/openmetrics-text';

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/**
 * Serves `/livez`, `/readyz` and `/metrics` over plain HTTP/1.1, for the kubelet, a load balancer and Prometheus. It answers GET and
 * HEAD only, reads no bodies, and is open to whoever can reach it: nothing that it says is a secret.
 * @param address as in {@link listen}
 * @throws TransportError `INVALID_LISTEN_ADDRESS`, `ADDRESS_IN_USE`, `LISTEN_FAILED`
 */
export async function startAdminServer(address: string, pages: AdminPages): Promise<AdminServer> {
  const { maxHeaderBytes, requestMs, keepAliveMs, maxRequestsPerConnection, sweepMs } = adminLimits;
  const connections = new FewConnections();
  const shared = { ...pages, metrics: sharedInTurn(pages.metrics) };
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: requestMs,
      requestTimeout: requestMs,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: sweepMs,
      noDelay: true,
    },
    (request, response) => {
      if (connections.asked(request.socket, response)) void respond(request, response, shared);
    },
  );
  server.on('connection', (socket) => connections.add(socket));
  server.maxRequestsPerSocket = maxRequestsPerConnection;
  // Also ends a connection whose client does not take what it asked for.
  server.setTimeout(requestMs + keepAliveMs);
  const bound = await listen(server, address, { option: '--admin-address' });
  return {
    address: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * So many connections, and room for another one all the same: the one that has asked for nothing for longest is closed. Whoever opens many and
 * says nothing would keep out the probes otherwise, and have the process restarted.
 */
class FewConnections {
  /** That which asked longest ago first, each with its requests that are not answered. */
  readonly #waiting = new Map<Socket, number>();

  add(socket: Socket): void {
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined && this.#waiting.size >= adminLimits.maxConnections) {
      this.#waiting.delete(oldest);
      oldest.destroy();
    }
    this.#waiting.set(socket, 0);
    socket.once('close', () => this.#waiting.delete(socket));
  }

  /**
   * A request came. Those that lie in one piece behind one another all come before the first of them is answered, and each answer would wait
   * in memory.
   * @returns whether it is to be answered
   */
  asked(socket: Socket, response: ServerResponse): boolean {
    const waiting = this.#waiting.get(socket);
    if (waiting === undefined || socket.destroyed) return false;
    if (waiting >= adminLimits.maxWaitingPerConnection) {
      socket.destroy();
      return false;
    }
    this.#waiting.delete(socket);
    this.#waiting.set(socket, waiting + 1);
    response.once('close', () => {
      const left = this.#waiting.get(socket);
      if (left !== undefined) this.#waiting.set(socket, left - 1);
    });
    return true;
  }
}

/** Requests that come in one turn of the event loop share a page: making it is most of what a request costs. */
function sharedInTurn(make: AdminPages['metrics']): AdminPages['metrics'] {
  const made = new Map<boolean, Promise<MetricsPage>>();
  return (accept) => {
    const form = accept.includes(OPEN_METRICS);
    const known = made.get(form);
    if (known !== undefined) return known;
    const page = make(accept);
    if (made.size === 0) setImmediate(() => made.clear());
    made.set(form, page);
    return page;
  };
}

async function respond(request: IncomingMessage, response: ServerResponse, pages: AdminPages): Promise<void> {
  const page = await pageFor(request, pages).catch(() => plain(500, 'This page could not be made.'));
  // A body is never read: what is left of it would be taken for the next request.
  if (hasBody(request)) response.setHeader('connection', 'close');
  if (page.status === 405) response.setHeader('allow', 'GET, HEAD');
  response.writeHead(page.status, {
    'content-type': page.contentType,
    'content-length': Buffer.byteLength(page.text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : page.text);
}

async function pageFor(request: IncomingMessage, pages: AdminPages): Promise<Page> {
  const { method, url = '' } = request;
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'Only GET and HEAD are answered here.');
  if (hasBody(request)) return plain(413, 'Requests have no body here.');
  const end = url.indexOf('?');
  switch (end < 0 ? url : url.slice(0, end)) {
    case '/livez':
      return plain(200, 'alive');
    case '/readyz': {
      const report = pages.ready();
      const text = `${JSON.stringify(report)}\n`;
      return { status: report.ready ? 200 : 503, contentType: 'application/json; charset=utf-8', text };
    }
    case '/metrics':
      return { status: 200, ...(await pages.metrics(request.headers.accept ?? '')) };
    default:
      return plain(404, 'There are /livez, /readyz and /metrics.');
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

function plain(status: number, text: string): Page {
  return { status, contentType: 'text/plain; charset=utf-8', text: `${text}\n` };
}
