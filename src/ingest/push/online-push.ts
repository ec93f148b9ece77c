import type { AccessControl } from '../../registry/access/access-rules.ts';
import type { CallByCaller } from '../../registry/access/caller.ts';
import { RegistryError } from '../../registry/registry-error.ts';
import type { RegistryHolder } from '../../registry/registry-holder.ts';
import type { RegistrySnapshot } from '../../registry/registry-snapshot.ts';
import { withinLimits } from '../../stores/call-limits.ts';
import type { CallOptions, OnlineRow, OnlineStore } from '../../stores/online-store.ts';
import { StoreError } from '../../stores/store-error.ts';
import { IngestError } from '../ingest-error.ts';
import { PushBatcher, type PushBatcherOptions, type TableRows } from './push-batcher.ts';
import { type PushRequest, parsePushRequest } from './push-request.ts';
import type { PushTarget } from './push-target.ts';
import { PushTargets } from './push-targets.ts';

export interface OnlinePushOptions extends PushBatcherOptions {
  readonly registry: Pick<RegistryHolder, 'current' | 'refresh'>;
  readonly store: OnlineStore;
  /** What callers may write; without it everything. */
  readonly access?: AccessControl | undefined;
  /** `sideboard.serving.writes: on`. */
  readonly enabled: boolean;
  /** `registry.enable_online_feature_view_versioning`. */
  readonly versioned: boolean;
}

/** No reading of a registry goes on for longer; a call without a deadline waits so long. */
const REFRESH_LIMIT_MS = 3_600_000;

/**
 * `Push` and `WriteToOnlineStore` of Feast's gRPC server: serialized request in; resolved when what it brought, or something newer,
 * can be read. Knows no transport.
 */
export class OnlinePush {
  readonly #options: OnlinePushOptions;
  readonly #batcher: PushBatcher;
  #targets: PushTargets | undefined;
  #snapshot: RegistrySnapshot | undefined;

  constructor(options: OnlinePushOptions) {
    this.#options = options;
    this.#batcher = new PushBatcher(options);
  }

  /**
   * Writes a row to every view that a push source feeds. It is typed for all of them before it is written to one.
   * @param message a serialized `PushRequest`
   * @throws IngestError what is wrong with the request, with nothing written
   * @throws RegistryError the registry was to be read anew and cannot be, with nothing written
   * @throws AccessError the caller may not write to one of them, with nothing written
   * @throws StoreError
   */
  async push(message: Uint8Array, call: CallOptions & CallByCaller = {}): Promise<void> {
    this.#assertWritable();
    const request = parsePushRequest(message, 'PushRequest');
    assertOnline(request.to);
    if (!request.allowRegistryCache) await this.#refresh(call);
    await this.#write(this.#current().ofSource(request.name), request, call);
  }

  /**
   * Writes a row to one view.
   * @param message a serialized `WriteToOnlineStoreRequest`
   * @throws as {@link push}
   */
  async writeToOnlineStore(message: Uint8Array, call: CallOptions & CallByCaller = {}): Promise<void> {
    this.#assertWritable();
    const request = parsePushRequest(message, 'WriteToOnlineStoreRequest');
    if (!request.allowRegistryCache) await this.#refresh(call);
    await this.#write([this.#current().ofView(request.name)], request, call);
  }

  async #write(targets: readonly PushTarget[], { row }: PushRequest, call: CallOptions & CallByCaller): Promise<void> {
    const { access } = this.#options;
    const views = targets.map(({ view }) => view);
    if (this.#snapshot !== undefined) access?.assertAllowed(this.#snapshot, views, 'WRITE_ONLINE', call.caller);
    // As in Feast: nothing is to be written, and nothing is.
    if (row.isEmpty) return;
    const parts: TableRows[] = [];
    for (const target of targets) {
      const typed: OnlineRow | undefined = target.rowFrom(row);
      if (typed !== undefined) parts.push({ table: target.table, rows: [typed] });
    }
    await this.#batcher.write(parts, row.bytes.length, call);
  }

  #current(): PushTargets {
    const snapshot = this.#options.registry.current();
    if (this.#targets === undefined || this.#snapshot !== snapshot) {
      this.#snapshot = snapshot;
      this.#targets = new PushTargets(snapshot, this.#options.versioned);
    }
    return this.#targets;
  }

  /** Callers share readings: however many ask, one is under way and one more follows. */
  async #refresh(call: CallOptions): Promise<void> {
    try {
      await withinLimits(this.#options.registry.refresh(), call, REFRESH_LIMIT_MS, 'the registry was read anew');
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      throw new RegistryError('REGISTRY_TIMEOUT', cause.message, {
        hint: 'Give the call more time, or set allow_registry_cache.',
        cause,
      });
    }
  }

  #assertWritable(): void {
    if (!this.#options.enabled) {
      throw new IngestError('INGEST_WRITES_OFF', 'This server takes no rows: sideboard.serving.writes is off.', {
        hint: 'Set sideboard.serving.writes: on, or push to another server.',
      });
    }
    if (!this.#options.store.capabilities.directWrite) {
      throw new IngestError('INGEST_STORE_READ_ONLY', 'The online store takes no rows directly.', {
        hint: 'Write to the system that it mirrors.',
      });
    }
  }
}

/** There is no offline store here. A push for both is refused as a whole: half of it would be lost without a word. */
function assertOnline(to: string): void {
  if (to === 'online') return;
  if (to === 'offline' || to === 'online_and_offline') {
    throw new IngestError(
      'INGEST_NO_OFFLINE_STORE',
      `The push is to go to "${to}", and there is no offline store here.`,
      {
        hint: 'Push with to: "online", and write the offline store by Feast.',
      },
    );
  }
  throw new IngestError('INGEST_UNKNOWN_DESTINATION', 'The field `to` of the push is none of the known destinations.', {
    hint: 'Push with to: "online".',
  });
}
