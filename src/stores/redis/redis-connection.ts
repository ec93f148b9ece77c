import { Cluster, type Redis, type RedisOptions } from 'ioredis';
import { assertTimeLeft, withinLimits } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import { createRedisClient, type RedisClientOptions, reconnectDelay } from './redis-client.ts';
import { isConnectionLoss, storeErrorFromRedis } from './redis-errors.ts';

const NOTICE_LOSS_MS = 100;

/** A command's name and arguments. */
export type RedisCommand = readonly [name: string, ...args: (Buffer | string | number)[]];

export interface RunOptions {
  /** True when carrying the commands out twice does no harm: they are sent again, once, if the connection breaks. */
  readonly repeatable: boolean;
}

/**
 * The connection to a Redis, a cluster or a primary behind sentinels. Connects on first use and again after every loss.
 *
 * While it is connecting, calls wait for it; once an attempt has failed, they fail at once until one succeeds. Between attempts there
 * are pauses that grow, but for a call that finds another password in the file than the last attempt had: it begins the next one.
 * Nothing queues beyond `max_in_flight_commands`.
 */
export class RedisConnection {
  readonly #options: RedisClientOptions;
  readonly #where: string;
  readonly #secrets: readonly string[];
  readonly #roundTripMs: number;
  readonly #connectMs: number;
  #client: Redis | Cluster | undefined;
  #connecting: Promise<void> | undefined;
  #stopConnecting: (() => void) | undefined;
  /** Ends with the next attempt to connect. */
  #pause: NodeJS.Timeout | undefined;
  /** How often in a row the connection was lost or could not be made, with one password. */
  #losses = 0;
  /** Which password of the file was there when the last attempt began. */
  #passwordVersion: number | undefined;
  /** Settles when a connection that broke under a call is known to be closed. */
  #noticing: Promise<void> | undefined;
  #lastError: unknown;
  #attemptFailed = false;
  #inFlight = 0;
  #closed = false;
  readonly #onClient: (client: Redis | Cluster) => void;
  readonly #connector: RedisOptions['Connector'];

  /**
   * @param onClient told of the client before it connects
   * @param connector as {@link createRedisClient} takes it
   */
  constructor(
    options: RedisClientOptions,
    onClient: (client: Redis | Cluster) => void = () => {},
    connector?: RedisOptions['Connector'],
  ) {
    this.#onClient = onClient;
    this.#connector = connector;
    this.#options = Object.freeze({ ...options });
    const { target } = options;
    const addresses = target.nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
    const kinds = { redis: 'Redis', redis_cluster: 'Redis Cluster', redis_sentinel: 'Redis behind sentinels' };
    this.#where = `${kinds[options.redis_type]} at ${addresses}`;
    this.#secrets = [target.password ?? '', options.sentinel_password ?? ''].filter((secret) => secret !== '');
    this.#roundTripMs = target.commandTimeoutMs ?? options.command_timeout_ms;
    this.#connectMs = target.connectTimeoutMs ?? options.connect_timeout_ms;
  }

  /** What a call does that waits here, for error messages. */
  get doing(): string {
    return `waiting for ${this.#where}`;
  }

  get isCluster(): boolean {
    return this.#options.redis_type === 'redis_cluster';
  }

  /**
   * Sends the commands in pipelines of at most `max_pipeline_keys`, a cluster's each to its node, and gives their replies in
   * order: Buffers, numbers, null, arrays of them.
   * @throws StoreError for the first command that failed.
   */
  async run(commands: readonly RedisCommand[], run: RunOptions, options?: CallOptions): Promise<unknown[]> {
    const size = this.#options.max_pipeline_keys;
    if (commands.length <= size) return this.#runPipeline(commands, run, options);
    const replies: unknown[] = [];
    for (let start = 0; start < commands.length; start += size) {
      const part = await this.#runPipeline(commands.slice(start, start + size), run, options);
      for (const reply of part) replies.push(reply);
    }
    return replies;
  }

  /**
   * Walks all keys of a type that match the pattern, on every primary, batch by batch; a key may come twice.
   * @param onKeys ends the walk by answering `'enough'`
   */
  async scan(
    type: 'hash' | 'string',
    pattern: Buffer,
    onKeys: (keys: Buffer[]) => Promise<'enough' | undefined>,
    options?: CallOptions,
  ): Promise<void> {
    const client = await this.ready(options);
    const nodes = client instanceof Cluster ? client.nodes('master') : [client];
    for (const node of nodes) {
      let cursor = '0';
      do {
        const count = this.#options.scan_count;
        const step = node.callBuffer('scan', cursor, 'MATCH', pattern, 'COUNT', count, 'TYPE', type);
        const reply = await this.#translated(withinLimits(step, options, this.#roundTripMs, this.doing));
        const [next, keys] = reply as [Buffer, Buffer[]];
        cursor = next.toString();
        if (keys.length > 0 && (await onKeys(keys)) === 'enough') return;
      } while (cursor !== '0');
    }
  }

  close(): void {
    this.#closed = true;
    this.#endPause();
    this.#client?.disconnect();
    this.#client = undefined;
    // Between two attempts to connect the client ends without a word.
    this.#stopConnecting?.();
  }

  async #runPipeline(commands: readonly RedisCommand[], run: RunOptions, options?: CallOptions): Promise<unknown[]> {
    if (commands.length === 0) return [];
    const first = await this.ready(options);
    try {
      return await this.#send(first, commands, options);
    } catch (error) {
      if (!run.repeatable || !isConnectionLoss(error)) throw this.translate(error);
      if (!(await this.#options.retries.granted(options))) throw this.translate(error);
    }
    this.#noticing ??= noticeLoss(first).finally(() => {
      this.#noticing = undefined;
    });
    await this.#noticing;
    return this.#translated(this.#send(await this.ready(options), commands, options));
  }

  async #send(client: Redis | Cluster, commands: readonly RedisCommand[], options?: CallOptions): Promise<unknown[]> {
    if (this.#inFlight + commands.length > this.#options.max_in_flight_commands) {
      throw new StoreError('STORE_OVERLOADED', `${this.#where} has ${this.#inFlight} commands unanswered.`, {
        hint: 'Redis cannot keep up with the calls; see max_in_flight_commands in the settings of the store.',
      });
    }
    this.#inFlight += commands.length;
    const work = client instanceof Cluster ? sendEach(client, commands) : sendPipeline(client, commands);
    // Counted until they are really answered: a caller that stops waiting does not shorten the client's queue.
    const answered = (): void => {
      this.#inFlight -= commands.length;
    };
    work.then(answered, answered);
    return withinLimits(work, options, this.#roundTripMs, this.doing);
  }

  /**
   * The client, once it is connected.
   * @throws StoreError why it is not
   */
  async ready(options?: CallOptions): Promise<Redis | Cluster> {
    if (this.#closed) throw this.#closedError();
    assertTimeLeft(options, this.doing);
    this.#client ??= this.#createClient();
    const client = this.#client;
    if (client.status === 'ready') return client;
    const connected = this.#connected(client, options);
    const version = this.#passwordVersion;
    try {
      await connected;
    } catch (error) {
      // The attempt may have begun before the file was replaced, and the call behind it.
      if (this.#closed || version === this.#options.password?.version()) throw error;
      await this.#connected(client, options);
    }
    return client;
  }

  async #connected(client: Redis | Cluster, options: CallOptions | undefined): Promise<void> {
    if (this.#pause !== undefined && this.#hasNewPassword()) this.#attempt(client);
    // Between two attempts, after one has failed: whoever calls now learns why instead of waiting.
    if (
      this.#attemptFailed &&
      client.status !== 'connecting' &&
      client.status !== 'connect' &&
      (client.status !== 'end' || this.#pause !== undefined)
    ) {
      throw this.#unreachable();
    }
    this.#connecting ??= this.#connect(client).finally(() => {
      this.#connecting = undefined;
    });
    await withinLimits(this.#connecting, options, this.#connectMs, `connecting to ${this.#where}`).catch((error) => {
      // Out of patience while attempts fail: the reason says more than the time.
      throw this.#lastError !== undefined && error instanceof StoreError && error.code === 'STORE_TIMEOUT'
        ? this.#unreachable()
        : error;
    });
  }

  #createClient(): Redis | Cluster {
    const lost = (): void => this.#scheduleAttempt(client);
    const client = createRedisClient(this.#options, lost, this.#connector);
    client.on('error', (error: unknown) => {
      this.#lastError = error;
    });
    client.on('node error', (error: unknown) => {
      this.#lastError = error;
    });
    client.on('ready', () => {
      this.#lastError = undefined;
      this.#attemptFailed = false;
      this.#losses = 0;
    });
    this.#onClient(client);
    return client;
  }

  /** Settles with the attempt that is under way, or the next one. */
  #connect(client: Redis | Cluster): Promise<void> {
    return new Promise((resolve, reject) => {
      const onReady = (): void => settle(resolve);
      const onClose = (): void =>
        settle(() => {
          this.#attemptFailed = true;
          reject(this.#unreachable());
        });
      const settle = (then: () => void): void => {
        client.removeListener('ready', onReady);
        client.removeListener('close', onClose);
        client.removeListener('end', onClose);
        this.#stopConnecting = undefined;
        then();
      };
      this.#stopConnecting = () => settle(() => reject(this.#closedError()));
      client.on('ready', onReady);
      client.on('close', onClose);
      client.on('end', onClose);
      if ((client.status === 'wait' || client.status === 'end') && this.#pause === undefined) this.#attempt(client);
    });
  }

  /** Its result arrives as an event; `connect` rejects as well. */
  #attempt(client: Redis | Cluster): void {
    this.#endPause();
    const version = this.#options.password?.version();
    // Pauses start short again: the server may take the new password a moment later than the file.
    if (version !== this.#passwordVersion) this.#losses = 0;
    this.#passwordVersion = version;
    client.connect().catch(() => undefined);
  }

  #scheduleAttempt(client: Redis | Cluster): void {
    this.#endPause();
    if (this.#closed) return;
    const delay = reconnectDelay(++this.#losses, this.#options.reconnect_max_delay_ms);
    this.#pause = setTimeout(() => this.#attempt(client), delay);
  }

  #endPause(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  #hasNewPassword(): boolean {
    return this.#passwordVersion !== this.#options.password?.version();
  }

  #closedError(): StoreError {
    return new StoreError('STORE_CLOSED', `The store on ${this.#where} was closed.`);
  }

  #unreachable(): StoreError {
    const reason = this.#lastError ?? new Error('Connection is closed.');
    const error = this.translate(reason);
    return error.code === 'STORE_FAILED'
      ? this.translate(new Error('Connection is closed.', { cause: reason }))
      : error;
  }

  /** A client's or server's error as this connection reports it. */
  translate(error: unknown): StoreError {
    return storeErrorFromRedis(error, this.#where, [...this.#secrets, ...this.#filedPassword()], this.#options.hints);
  }

  /** The password of a file that can be read. */
  #filedPassword(): readonly string[] {
    try {
      return [this.#options.password?.read() ?? ''];
    } catch {
      return [];
    }
  }

  async #translated<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw this.translate(error);
    }
  }
}

/** A server that hangs up ends the stream some turns before the client calls the connection closed. */
async function noticeLoss(client: Redis | Cluster): Promise<void> {
  if (client instanceof Cluster || client.status !== 'ready') return;
  await new Promise<void>((resolve) => {
    const noticed = (): void => {
      clearTimeout(timer);
      client.removeListener('close', noticed);
      resolve();
    };
    const timer = setTimeout(noticed, NOTICE_LOSS_MS);
    client.on('close', noticed);
  });
}

async function sendPipeline(client: Redis, commands: readonly RedisCommand[]): Promise<unknown[]> {
  const pipeline = client.pipeline();
  for (const [name, ...args] of commands) pipeline.callBuffer(name, ...args);
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
}

/** A cluster's pipeline may only hold keys of one node, and is redirected as a whole: commands travel one by one. */
function sendEach(client: Cluster, commands: readonly RedisCommand[]): Promise<unknown[]> {
  return Promise.all(commands.map(([name, ...args]) => client.callBuffer(name, ...args)));
}
