import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import type { OnlineTable, TableFeature } from '../stores/online-store.ts';

/** A feature view that the suite uses, without its project, which is another for every test. */
export type TableShape = Omit<OnlineTable, 'project'>;

export function tableShape(
  name: string,
  joinKeys: readonly string[],
  features: Readonly<Record<string, ValueType_Enum>>,
): TableShape {
  const typed: TableFeature[] = Object.entries(features).map(([feature, valueType]) => ({ name: feature, valueType }));
  return { name, joinKeys, features: typed };
}

const { DOUBLE, INT64, STRING } = ValueType_Enum;

export const DRIVERS = tableShape('driver_stats', ['driver_id'], { rate: DOUBLE, trips: INT64, city: STRING });
/** On the same keys as {@link DRIVERS}, with a feature of the same name. */
export const ORDERS = tableShape('driver_orders', ['driver_id'], { trips: INT64, amount: DOUBLE });
/** A key of two parts. */
export const PAIRS = tableShape('user_shop', ['user', 'shop'], { amount: DOUBLE });
/** A view without entities has this join key, and one row under its empty text. */
export const TOTALS = tableShape('totals', ['__dummy_id'], { total: INT64, unknown: INT64 });
/** A key that is text. */
export const USERS = tableShape('users', ['user'], { city: STRING });
