import type { ServiceTable, StreamCall } from './service-table.ts';

/** What answers the calls of the service; `ingest/stream/online-ingest.ts` in a process that serves. */
export interface IngestWriter {
  /** @throws SideboardError */
  write(call: StreamCall): Promise<void>;
}

/**
 * Sideboard's own service for loaders, `sideboard.v1.Ingest`.
 * @param open called with the first call: most processes never get one
 */
export function createIngestService(open: () => Promise<IngestWriter>): ServiceTable {
  let writer: Promise<IngestWriter> | undefined;
  return [
    {
      path: '/sideboard.v1.Ingest/Write',
      async stream(call) {
        writer ??= open();
        await (await writer).write(call);
      },
    },
  ];
}
