import { assertTimeLeft, withinLimits } from '../call-limits.ts';
import type { CallOptions, StoreConnections } from '../online-store.ts';
import { type Retries, unlimitedRetries } from '../retry-allowance.ts';
import { StoreError } from '../store-error.ts';
import type { DynamoDBOnlineStoreConfig, DynamoDBOnlineStoreSettings } from './dynamodb-config.ts';
import {
  type DynamoHints,
  type DynamoRequest,
  isPassing,
  isThrottling,
  storeErrorFromDynamo,
} from './dynamodb-errors.ts';
import { DynamoHttpHandler } from './dynamodb-http-handler.ts';
import { RetryBudget, type RetryOptions, throttled } from './dynamodb-retry.ts';
import { type DynamoAction, loadDynamoSdk, type SdkClient, type SendOptions } from './dynamodb-sdk.ts';
import { RequestSlots } from './dynamodb-slots.ts';

const DEFAULT_ATTEMPTS = 3;
/** What finding credentials may take on top of the request itself, in milliseconds. */
const CREDENTIALS_MS = 10_000;

export interface DynamoCall {
  readonly action: DynamoAction;
  readonly input: object;
  readonly tables: readonly string[];
  /** What is being done, for messages: `reading 3 tables`. */
  readonly doing: string;
  /** What an error of DynamoDB's says that is an answer; `undefined` for any other error. */
  readonly answerOf?: (error: unknown) => object | undefined;
}

/** What has to be known of the configuration to send requests. Without a region the SDK looks for one. */
export type DynamoClientConfig = Pick<
  DynamoDBOnlineStoreConfig,
  | 'endpoint_url'
  | 'max_pool_connections'
  | 'keepalive_timeout'
  | 'connect_timeout'
  | 'read_timeout'
  | 'total_max_retry_attempts'
> & { readonly region?: string | null | undefined };

export type DynamoClientSettings = Omit<DynamoDBOnlineStoreSettings, 'table_timeout_ms'>;

/**
 * Sends requests to DynamoDB: within the caller's limits, so many at a time, again where that helps. The SDK signs and finds
 * credentials and the address; it repeats nothing by itself, because it knows no deadline.
 */
export class DynamoClient {
  readonly where: string;
  readonly retry: RetryOptions;
  readonly #handler: DynamoHttpHandler;
  readonly #slots: RequestSlots;
  readonly #attempts: number;
  readonly #retries: Retries;
  readonly #limitMs: number;
  readonly #hintFor: DynamoHints | undefined;
  readonly #create: (sdk: Awaited<ReturnType<typeof loadDynamoSdk>>) => SdkClient;
  #client: SdkClient | undefined;
  #closed = false;

  constructor(
    config: DynamoClientConfig,
    settings: DynamoClientSettings,
    retries: Retries = unlimitedRetries,
    hintFor?: DynamoHints,
  ) {
    this.#retries = retries;
    this.#hintFor = hintFor;
    const region = config.region ?? undefined;
    const connectTimeoutMs = milliseconds(config.connect_timeout) ?? settings.connect_timeout_ms;
    const requestTimeoutMs = milliseconds(config.read_timeout) ?? settings.request_timeout_ms;
    const endpoint = config.endpoint_url ?? undefined;
    const place = endpoint === undefined ? region && `in ${region}` : `at ${new URL(endpoint).host}`;
    this.where = place === undefined ? 'DynamoDB' : `DynamoDB ${place}`;
    this.retry = { limitMs: settings.retry_limit_ms, maxDelayMs: settings.retry_max_delay_ms };
    this.#attempts = config.total_max_retry_attempts ?? DEFAULT_ATTEMPTS;
    this.#limitMs = connectTimeoutMs + requestTimeoutMs + CREDENTIALS_MS;
    this.#handler = new DynamoHttpHandler({
      maxConnections: config.max_pool_connections,
      keepAliveMs: config.keepalive_timeout * 1000,
      connectTimeoutMs,
      requestTimeoutMs,
    });
    this.#slots = new RequestSlots(config.max_pool_connections, settings.max_queued_requests);
    this.#create = (sdk) =>
      sdk.createClient({
        ...(region !== undefined && { region }),
        ...(endpoint !== undefined && { endpoint }),
        maxAttempts: 1,
        requestHandler: this.#handler,
      });
  }

  budget(call: CallOptions | undefined): RetryBudget {
    return new RetryBudget(this.retry, call);
  }

  /** Sends a request and gives what the SDK makes of the answer. @throws StoreError, or what {@link sendRaw} throws */
  async send<T>(request: DynamoCall, call: CallOptions | undefined): Promise<T> {
    return (await this.#withRetries(request, call)) as T;
  }

  /** Sends a request and gives the answer's bytes, which are JSON. They are the caller's to overwrite. @throws StoreError */
  async sendRaw(request: DynamoCall, call: CallOptions | undefined): Promise<Buffer> {
    let body: Buffer | undefined;
    await this.#withRetries(request, call, (bytes) => {
      body = bytes;
    });
    if (body !== undefined) return body;
    throw new StoreError('STORE_CORRUPT', `${this.where} gave an answer without content, ${request.doing}.`);
  }

  /** A request has a connection to itself, be it one that is only being opened. */
  connections(): StoreConnections {
    const { taken, waiting } = this.#slots;
    return { inUse: taken, idle: this.#handler.idleConnections, connecting: 0, waiting };
  }

  /** Releases all connections. Requests under way fail. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#slots.close('while a request waited');
    this.#client?.destroy();
    this.#handler.destroy();
  }

  async #withRetries(request: DynamoCall, call: CallOptions | undefined, take?: SendOptions['take']): Promise<unknown> {
    const { doing } = request;
    const budget = this.budget(call);
    for (let attempt = 1; ; attempt++) {
      assertTimeLeft(call, doing);
      try {
        return await this.#once(request, call, take);
      } catch (error) {
        this.#assertOpen();
        if (error instanceof StoreError) throw error;
        const answer = request.answerOf?.(error);
        if (answer !== undefined) return answer;
        // What is throttled was not done: it is asked for again while there is time.
        const again =
          isThrottling(error) || (isPassing(error) && attempt < this.#attempts && (await this.#retries.granted(call)));
        if (!again || !(await budget.pause(attempt, doing))) {
          throw isThrottling(error) ? throttled(this.where, doing, error) : this.#translate(error, request);
        }
      }
    }
  }

  async #once(request: DynamoCall, call: CallOptions | undefined, take: SendOptions['take']): Promise<unknown> {
    const { doing } = request;
    this.#assertOpen();
    const sdk = await withinLimits(loadDynamoSdk(), call, this.#limitMs, doing);
    await this.#slots.take(call, this.#limitMs, doing);
    const abort = new AbortController();
    try {
      this.#assertOpen();
      this.#client ??= this.#create(sdk);
      const command = sdk.createCommand(request.action, request.input);
      const sent = this.#client.send(command, { abortSignal: abort.signal, ...(take !== undefined && { take }) });
      return await withinLimits(sent, call, this.#limitMs, doing);
    } finally {
      // Has no effect on requests that are answered; for the others nobody waits any more.
      abort.abort();
      this.#slots.release();
    }
  }

  #translate(error: unknown, { action, tables }: DynamoCall): StoreError {
    const request: DynamoRequest = { action, tables, where: this.where, hintFor: this.#hintFor };
    return storeErrorFromDynamo(error, request);
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('STORE_CLOSED', 'The store was closed.');
  }
}

function milliseconds(seconds: number | null | undefined): number | undefined {
  return seconds === null || seconds === undefined ? undefined : seconds * 1000;
}
