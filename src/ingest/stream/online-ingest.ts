import { create, toBinary } from '@bufbuild/protobuf';
import { WriteResponseSchema } from '../../../gen/sideboard/v1/ingest_pb.ts';
import type { AccessControl } from '../../registry/access/access-rules.ts';
import type { CallByCaller } from '../../registry/access/caller.ts';
import type { RegistrySnapshot } from '../../registry/registry-snapshot.ts';
import type { OnlineStore, OnlineTable } from '../../stores/online-store.ts';
import { onlineTableFromView } from '../../stores/online-table.ts';
import { keysFromRows } from '../../stores/row-objects.ts';
import { type EntityTurn, EntityTurns } from '../entity-turns.ts';
import { IngestError } from '../ingest-error.ts';
import { writableView } from '../writable-view.ts';
import { writeNewest } from '../write-newest.ts';
import { type BatchTarget, createBatchTarget, type TypedBatch } from './batch-target.ts';
import { inOrder } from './in-order.ts';
import { PendingBytes } from './pending-bytes.ts';
import { countCells, parseWriteRequest } from './write-request.ts';

/** Rows become objects, about 150 bytes for each value: a batch of millions of small ones would fill the memory by itself. */
const MAX_CELLS = 1_000_000;
/** What a value counts for at least among the bytes that are worked on: less than it takes, so that usual batches count by their length. */
const BYTES_PER_CELL = 32;

export interface OnlineIngestOptions {
  readonly registry: () => RegistrySnapshot;
  readonly store: OnlineStore;
  /** What callers may write; without it everything. */
  readonly access?: AccessControl | undefined;
  /** `sideboard.serving.writes: on`. */
  readonly enabled: boolean;
  /** `registry.enable_online_feature_view_versioning`. */
  readonly versioned: boolean;
  /** Batches of one call that are worked on at a time. */
  readonly maxBatchesInFlight: number;
  /** Bytes of batches that are worked on at a time, of all calls together. */
  readonly maxPendingBytes: number;
  /** How long the store may take for one batch, in milliseconds. */
  readonly batchTimeoutMs: number;
}

/** A call that brings batches: serialized `sideboard.v1.WriteRequest`s in, serialized `WriteResponse`s out. */
export interface IngestCall extends CallByCaller {
  readonly messages: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for another one. */
  send(message: Uint8Array): Promise<void>;
}

/** What is worked on now. */
export interface IngestUnderWay {
  /** Of all calls, those among them that wait. */
  readonly batches: number;
  /** Batches that wait for room in memory. */
  readonly waiting: number;
  /** Of batches that have room. */
  readonly bytes: number;
}

/** `sideboard.v1.Ingest/Write`: writes the batches of calls. Knows no transport. */
export class OnlineIngest {
  readonly #options: OnlineIngestOptions;
  readonly #pending: PendingBytes;
  #batches = 0;
  #targets = new Map<string, BatchTarget>();
  #snapshot: RegistrySnapshot | undefined;

  constructor(options: OnlineIngestOptions) {
    this.#options = options;
    this.#pending = new PendingBytes(options.maxPendingBytes);
  }

  underWay(): IngestUnderWay {
    return { batches: this.#batches, waiting: this.#pending.waiting, bytes: this.#pending.bytes };
  }

  /**
   * Writes what a call brings, several batches at a time, and acknowledges them in their order. It takes another batch only when the
   * oldest of those under way has been acknowledged, and when there is room in memory. Settles when everything that was taken has
   * settled, and what was stored up to the first failure has been acknowledged.
   * @throws IngestError, AccessError, StoreError of the first batch that fails
   */
  async write(call: IngestCall): Promise<void> {
    const { store, enabled, maxBatchesInFlight } = this.#options;
    if (!enabled) {
      throw new IngestError('INGEST_WRITES_OFF', 'This server takes no rows: sideboard.serving.writes is off.', {
        hint: 'Set sideboard.serving.writes: on, or load through another server.',
      });
    }
    if (!store.capabilities.directWrite) {
      throw new IngestError('INGEST_STORE_READ_ONLY', 'The online store takes no rows directly.', {
        hint: 'Write to the system that it mirrors.',
      });
    }
    const batches = new CallBatches();
    await inOrder(call.messages, {
      atOnce: maxBatchesInFlight,
      begin: (message) => {
        this.#batches++;
        const work = batches.begin(
          () => this.#typed(message, batches.turns, call),
          (batch) => this.#written(batch),
        );
        return work.finally(() => this.#batches--);
      },
      finish: (answer) => call.send(answer),
    });
  }

  /** Waits for room, and takes the batch's turn. {@link #written} gives both back. */
  async #typed(message: Uint8Array, turns: EntityTurns, { caller }: CallByCaller): Promise<BatchUnderway> {
    const cells = countCells(message);
    if (cells > MAX_CELLS) throw tooManyRows(cells);
    const length = Math.max(message.length, cells * BYTES_PER_CELL);
    await this.#pending.enter(length);
    try {
      const batch = parseWriteRequest(message);
      const { view, table, rowsFrom } = this.#targetOf(batch.featureView);
      if (this.#snapshot !== undefined) {
        this.#options.access?.assertAllowed(this.#snapshot, [view], 'WRITE_ONLINE', caller);
      }
      const typed = await rowsFrom(batch);
      const ids = keysFromRows(table, typed.rows).map((key) => `${table.name}/${Buffer.from(key).toString('latin1')}`);
      return { batchId: batch.batchId, table, typed, length, turn: turns.take(new Set(ids)) };
    } catch (error) {
      this.#pending.leave(length);
      throw error;
    }
  }

  async #written({ batchId, table, typed, length, turn }: BatchUnderway): Promise<Uint8Array> {
    const { store, batchTimeoutMs } = this.#options;
    try {
      if (typed.bad === 0) {
        await turn.come;
        await writeNewest(store, table, typed.rows, { deadline: Date.now() + batchTimeoutMs });
      }
      return acknowledgement(batchId, typed);
    } finally {
      turn.end();
      this.#pending.leave(length);
    }
  }

  #targetOf(name: string): BatchTarget {
    const snapshot = this.#options.registry();
    if (this.#snapshot !== snapshot) {
      this.#snapshot = snapshot;
      this.#targets = new Map();
    }
    const known = this.#targets.get(name);
    if (known !== undefined) return known;
    const view = writableView(snapshot, name);
    const version = this.#options.versioned ? view.currentVersion : 0;
    const target = createBatchTarget(view, onlineTableFromView(view, snapshot.project, version));
    this.#targets.set(name, target);
    return target;
  }
}

/** A batch that is typed and not yet written. */
interface BatchUnderway {
  readonly batchId: bigint;
  readonly table: OnlineTable;
  readonly typed: TypedBatch;
  /** Bytes that it counts for. */
  readonly length: number;
  readonly turn: EntityTurn;
}

/**
 * The batches of one call. Those that have an entity in common are written one behind the other, in the order in which they came:
 * which of two rows with the same times stays must not be left to chance.
 */
class CallBatches {
  readonly turns = new EntityTurns();
  #last: Promise<unknown> = Promise.resolve();

  begin<Typed, Result>(type: () => Promise<Typed>, write: (typed: Typed) => Promise<Result>): Promise<Result> {
    const typed = this.#last.then(type);
    this.#last = typed.catch(() => {});
    return typed.then(write);
  }
}

function tooManyRows(cells: number): IngestError {
  const message = `A batch has rows with ${cells} values in all, their keys and times among them; the limit is ${MAX_CELLS}.`;
  return new IngestError('INGEST_BAD_BATCH', message, { hint: 'Send smaller batches.' });
}

function acknowledgement(batchId: bigint, { rows, bad, refused }: TypedBatch): Uint8Array {
  return toBinary(
    WriteResponseSchema,
    create(WriteResponseSchema, {
      batchId,
      rowsWritten: BigInt(bad > 0 ? 0 : rows.length),
      rowsRefused: BigInt(bad),
      refused: refused.map((each) => ({ ...each, row: BigInt(each.row) })),
    }),
  );
}
