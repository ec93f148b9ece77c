import type { OnlinePush } from '../../ingest/push/online-push.ts';
import type { ServedCall } from '../../serving/served-call.ts';
import type { ServiceTable } from './service-table.ts';

/** `status: true`, of PushResponse and WriteToOnlineStoreResponse alike. */
const done = Uint8Array.of(0x08, 0x01);

/**
 * The writing methods of `GrpcFeatureServer`, the service of Feast's Python server.
 * @param open called once, at the first push: most servers never see one, and need not load what it takes
 */
export function createPushMethods(open: () => Promise<OnlinePush>): ServiceTable {
  let opening: Promise<OnlinePush> | undefined;
  let push: OnlinePush | undefined;
  const method = (path: string, run: (push: OnlinePush, message: Uint8Array, call: ServedCall) => Promise<void>) => ({
    path,
    async handle(message: Uint8Array, call: ServedCall): Promise<Uint8Array> {
      if (push === undefined) {
        opening ??= open();
        push = await opening;
      }
      await run(push, message, call);
      return done;
    },
  });
  return [
    method('/GrpcFeatureServer/Push', (push, message, call) => push.push(message, call)),
    method('/GrpcFeatureServer/WriteToOnlineStore', (push, message, call) => push.writeToOnlineStore(message, call)),
  ];
}
