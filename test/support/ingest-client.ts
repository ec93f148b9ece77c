import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  type WriteRequestSchema as Schema,
  WriteRequestSchema,
  type WriteResponse,
  WriteResponseSchema,
} from '../../gen/sideboard/v1/ingest_pb.ts';
import { CODE_TRAILER } from '../../src/transports/grpc/grpc-status.ts';

/** How a call ended. */
export interface IngestEnd {
  readonly code: number;
  readonly details: string;
  /** The stable error code. */
  readonly sideboardCode: unknown;
}

/** One call of `sideboard.v1.Ingest/Write`, and what came back. */
export class IngestStream {
  readonly acks: WriteResponse[] = [];
  readonly ended: Promise<IngestEnd>;
  readonly stream: ClientDuplexStream<Buffer, WriteResponse>;
  readonly #client: Client;

  /** @param authorization the whole header of that name */
  constructor(address: string, authorization?: string) {
    const metadata = new Metadata();
    if (authorization !== undefined) metadata.set('authorization', authorization);
    this.#client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    this.stream = this.#client.makeBidiStreamRequest(
      '/sideboard.v1.Ingest/Write',
      (message: Buffer) => message,
      (bytes: Buffer) => fromBinary(WriteResponseSchema, bytes),
      metadata,
    );
    this.stream.on('data', (ack: WriteResponse) => this.acks.push(ack));
    this.stream.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.stream.on('status', ({ code, details, metadata }: ServiceError) =>
        resolve({ code, details, sideboardCode: metadata.get(CODE_TRAILER)[0] }),
      );
    });
  }

  /** Resolves when the connection's flow control has let the batch through. */
  send(batch: MessageInitShape<typeof Schema>): Promise<void> {
    const bytes = Buffer.from(toBinary(WriteRequestSchema, create(WriteRequestSchema, batch)));
    return new Promise((resolve) => {
      this.stream.write(bytes, () => resolve());
    });
  }

  async finish(): Promise<IngestEnd> {
    this.stream.end();
    const end = await this.ended;
    this.#client.close();
    return end;
  }

  close(): void {
    this.stream.cancel();
    this.#client.close();
  }
}

/** A batch of `live_counters`: rows of a customer, a number of clicks and the second of the event. */
export function countersBatch(
  batchId: number,
  rows: readonly (readonly [customer: string, clicks: number | null, second: number])[],
): MessageInitShape<typeof Schema> {
  return {
    batchId: BigInt(batchId),
    featureView: 'live_counters',
    columns: {
      customer_id: { val: rows.map(([customer]) => ({ val: { case: 'stringVal', value: customer } })) },
      clicks: {
        val: rows.map(([, clicks]) => (clicks === null ? {} : { val: { case: 'int64Val', value: BigInt(clicks) } })),
      },
    },
    eventTimestamps: rows.map(([, , second]) => ({ seconds: BigInt(second) })),
  };
}
