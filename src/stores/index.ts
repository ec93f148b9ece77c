/**
 * What the author of an online store needs: the contract, its errors, and the encoding of entity keys.
 *
 *     import { StoreError, serializeEntityKey } from 'sideboard/stores';
 */

export type { EntityKey } from '../../gen/feast/types/EntityKey_pb.ts';
export { EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
export type { Value } from '../../gen/feast/types/Value_pb.ts';
export { ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
export {
  deserializeEntityKey,
  type EntityKeyVersion,
  serializeEntityKey,
  serializeEntityKeyPrefix,
} from '../encoding/entity-key.ts';
export { murmur3x64_128, murmur3x86_32 } from '../encoding/murmur3.ts';
export { type ErrorKind, SideboardError, type SideboardErrorOptions } from '../errors.ts';
export { assertTimeLeft, timeLeft, withinLimits } from './call-limits.ts';
export type {
  CallOptions,
  EventTimestamp,
  FeastPythonBehaviour,
  HashedRow,
  OnlineEntity,
  OnlineRow,
  OnlineStore,
  OnlineTable,
  ReadOptions,
  StoreCapabilities,
  StoreChange,
  StoreConnections,
  StoreContext,
  StoredRow,
  TableFeature,
  TableLoad,
  TableRead,
  WriteOptions,
} from './online-store.ts';
export type { Retries } from './retry-allowance.ts';
export { RowBlock } from './row-block.ts';
export { describeTable, keysFromRows, rowsFromBlock, serializeKeys, validateRowTimes } from './row-objects.ts';
export { StoreError, type StoreErrorCode, storeErrors } from './store-error.ts';
export { WriteBlock } from './write-block.ts';
export { rowsFromWriteBlock, writeBlockFromRows } from './write-block-rows.ts';
