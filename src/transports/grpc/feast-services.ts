import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  GetFeastServingInfoRequestSchema,
  GetFeastServingInfoResponseSchema,
} from '../../../gen/feast/serving/ServingService_pb.ts';
import type { OnlineFeatures } from '../../serving/online-features.ts';
import { ServingError } from '../../serving/serving-error.ts';
import type { ServiceTable } from './service-table.ts';

/**
 * The services that clients of Feast's servers know: `feast.serving.ServingService` (Go and Java servers) and the read
 * method of `GrpcFeatureServer` (Python server, no package). Both give the same answers.
 *
 * @param version what GetFeastServingInfo reports
 */
export function createFeastServices(features: OnlineFeatures, version: string): ServiceTable {
  const info = toBinary(
    GetFeastServingInfoResponseSchema,
    create(GetFeastServingInfoResponseSchema, { version: `sideboard ${version}` }),
  );
  return [
    {
      path: '/feast.serving.ServingService/GetFeastServingInfo',
      handle(message) {
        try {
          fromBinary(GetFeastServingInfoRequestSchema, message);
        } catch (cause) {
          throw new ServingError('MALFORMED_REQUEST', 'The request is not a GetFeastServingInfoRequest.', { cause });
        }
        return info;
      },
    },
    {
      path: '/feast.serving.ServingService/GetOnlineFeatures',
      handle: (message, call) => features.getOnlineFeatures(message, call),
    },
    {
      path: '/GrpcFeatureServer/GetOnlineFeatures',
      handle: (message, call) => features.getOnlineFeatures(message, call),
    },
  ];
}
