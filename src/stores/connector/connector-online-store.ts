import type { ServiceError } from '@grpc/grpc-js';
import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
import { assertTimeLeft } from '../call-limits.ts';
import type {
  CallOptions,
  OnlineEntity,
  OnlineRow,
  OnlineStore,
  OnlineTable,
  ReadOptions,
  StoreCapabilities,
  StoreChange,
  StoreContext,
  StoredRow,
} from '../online-store.ts';
import type { Retries } from '../retry-allowance.ts';
import { serializeKeys } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import { ConnectorChannel } from './connector-channel.ts';
import { type ConnectorOnlineStoreConfig, ConnectorOnlineStoreSettings } from './connector-config.ts';
import { isAnswer, isUnanswered, storeErrorFromGrpc } from './connector-errors.ts';
import { decodeReadResponse, encodeReadRequest, ONLINE_READ } from './connector-layout.ts';

export { ConnectorOnlineStoreConfig, ConnectorOnlineStoreSettings } from './connector-config.ts';

/**
 * A store process of the user's own, in any language, behind Feast's protocol `grpc.connector.OnlineStore`. The protocol reads and
 * nothing else: what the process stores, and how it gets there, is its own business.
 */
export class ConnectorOnlineStore implements OnlineStore {
  readonly capabilities: StoreCapabilities = {
    // The protocol has a call per view; several views of a request are asked for at the same time.
    readMany: false,
    ttl: false,
    directWrite: false,
    keepsNewest: false,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  };
  readonly #channel: ConnectorChannel;
  readonly #project: string;
  readonly #entitiesPerCall: number;
  readonly #retries: Retries | undefined;

  constructor(
    config: ConnectorOnlineStoreConfig,
    context: StoreContext,
    settings: ConnectorOnlineStoreSettings = ConnectorOnlineStoreSettings.parse({}),
  ) {
    this.#channel = new ConnectorChannel(config, settings, context.repoPath);
    this.#project = context.project;
    this.#entitiesPerCall = settings.max_entities_per_call;
    this.#retries = context.retries;
  }

  update(_change: StoreChange, options?: CallOptions): Promise<void> {
    return this.#refuse('creates and removes its tables itself', options);
  }

  teardown(_tables: readonly OnlineTable[], _entities: readonly OnlineEntity[], options?: CallOptions): Promise<void> {
    return this.#refuse('removes its tables itself', options);
  }

  onlineWriteBatch(
    _table: OnlineTable,
    _rows: readonly OnlineRow[],
    _progress?: (rows: number) => void,
    options?: CallOptions,
  ): Promise<void> {
    return this.#refuse('takes no rows by this protocol', options);
  }

  async onlineRead(
    table: OnlineTable,
    entityKeys: readonly EntityKey[],
    requestedFeatures?: readonly string[],
    options?: ReadOptions,
  ): Promise<readonly (StoredRow | undefined)[]> {
    this.#start(options);
    if (table.project !== this.#project) {
      const message = `The store process at ${this.#channel.address} serves one project; "${table.project}" is another.`;
      throw new StoreError('STORE_UNSUPPORTED', message);
    }
    if ((options?.entityKeyVersion ?? 3) !== 3) {
      throw new StoreError('STORE_UNSUPPORTED', 'The protocol of the connector has no versions of entity keys.');
    }
    // The messages travel as they are; this refuses what no store could look up.
    serializeKeys(table, entityKeys);
    const features = requestedFeatures ?? table.features.map(({ name }) => name);
    const parts: (readonly EntityKey[])[] = [];
    for (let start = 0; start < entityKeys.length; start += this.#entitiesPerCall) {
      parts.push(entityKeys.slice(start, start + this.#entitiesPerCall));
    }
    return (await Promise.all(parts.map((part) => this.#readPart(table, part, features, options)))).flat();
  }

  async ping(options?: CallOptions): Promise<void> {
    this.#start(options);
    try {
      await this.#channel.call(ONLINE_READ, encodeReadRequest('', [], []), options);
    } catch (error) {
      // Nothing was asked for, so nothing can be wrong but the process itself.
      if (!isServiceError(error)) throw error;
      if (!isAnswer(error)) throw storeErrorFromGrpc(error, this.#channel.address);
    }
  }

  async close(): Promise<void> {
    await this.#channel.close();
  }

  async #readPart(
    table: OnlineTable,
    entityKeys: readonly EntityKey[],
    features: readonly string[],
    options: CallOptions | undefined,
  ): Promise<(StoredRow | undefined)[]> {
    const request = encodeReadRequest(table.name, entityKeys, features);
    return decodeReadResponse(await this.#ask(request, options), table, entityKeys.length, features);
  }

  /** Asks again, once, where the connection broke. */
  async #ask(request: Uint8Array, options: CallOptions | undefined): Promise<Uint8Array> {
    try {
      return await this.#channel.call(ONLINE_READ, request, options);
    } catch (error) {
      if (!isServiceError(error)) throw error;
      const repeat = isUnanswered(error) && (await this.#retries?.granted(options)) === true;
      if (!repeat) throw storeErrorFromGrpc(error, this.#channel.address);
    }
    try {
      return await this.#channel.call(ONLINE_READ, request, options);
    } catch (error) {
      throw isServiceError(error) ? storeErrorFromGrpc(error, this.#channel.address) : error;
    }
  }

  #start(options: CallOptions | undefined): void {
    this.#channel.assertOpen();
    assertTimeLeft(options, `waiting for the store process at ${this.#channel.address}`);
  }

  async #refuse(why: string, options: CallOptions | undefined): Promise<void> {
    this.#start(options);
    throw new StoreError('STORE_UNSUPPORTED', `The store process at ${this.#channel.address} ${why}.`, {
      hint: 'The connector reads. Write with the program that the store belongs to.',
    });
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && typeof (error as Partial<ServiceError>).code === 'number';
}
