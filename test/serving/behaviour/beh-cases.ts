import type { Value } from '../../../gen/feast/types/Value_pb.ts';
import {
  boolList,
  bytes,
  bytesList,
  double,
  doubleList,
  float,
  int32,
  int64,
  int64List,
  string,
  stringList,
  timestamp,
  timestampList,
} from '../../support/feature-values.ts';
import { answers, type BehaviourCase, type BehaviourCases, refuses } from './behaviour-case.ts';
import { expired, feature, missing, present, sent, storedNull } from './expected-answer.ts';

const BEYOND_DOUBLE = 2n ** 53n + 1n;
const trio = [int64(1), int64(2), int64(3)];
const unknownDriver = int64(12345);
const driver3 = { driver_id: [int64(3)] };
const scores = ['collide_a:score', 'collide_b:score'];

/** The stored values of drivers 1 to 3, per feature of the view `types`; `undefined` is a stored null. */
const stored: Readonly<Record<string, readonly (Value | undefined)[]>> = {
  i64: [1n, 2n, 3n].map((driver) => int64(BEYOND_DOUBLE + driver)),
  i32: [int32(1), int32(2), int32(3)],
  f32: [float(0.1), float(0.1), float(0.1)],
  f64: [double(Number.POSITIVE_INFINITY), double(0.1), undefined],
  bytes_: [bytes(0, 255, 1), bytes(0, 255, 2), bytes(0, 255, 3)],
  ts: [timestamp(1750000001), timestamp(1750000002), timestamp(1750000003)],
  li: [int64List(1, BEYOND_DOUBLE), int64List(2, BEYOND_DOUBLE), int64List(3, BEYOND_DOUBLE)],
  ls: [stringList('a', 'ü', ''), stringList(), stringList('a', 'ü', '')],
  lb: [boolList(true, false), boolList(true, false), boolList(true, false)],
  lts: [timestampList(1750000000), timestampList(1750000000), timestampList(1750000000)],
  lby: [bytesList([0, 255]), bytesList([0, 255]), bytesList([0, 255])],
  ld: [doubleList(0.5, Number.NaN), doubleList(0.5, Number.NaN), doubleList(0.5, Number.NaN)],
};

const cell = (value: Value | undefined) => (value === undefined ? storedNull : present(value));
const storedCells = (name: string) => (stored[name] ?? []).map(cell);

/** One feature for three known drivers and an unknown one. */
function typeCase(name: string): BehaviourCase {
  return answers(
    { features: [`types:${name}`], entities: { driver_id: [...trio, unknownDriver] } },
    sent('driver_id', ...trio, unknownDriver),
    feature(name, ...storedCells(name), missing),
  );
}

export const behCases: BehaviourCases = {
  stale_ttl_1day: answers(
    { features: ['stale:trips', 'stale:rate'], entities: { driver_id: [int64(1), int64(999)] } },
    sent('driver_id', int64(1), int64(999)),
    feature('trips', expired(int64(2)), missing),
    feature('rate', expired(double(1 / 7)), missing),
  ),
  ttl_zero: answers(
    { features: ['stale0:rate'], entities: { driver_id: [int64(1), int64(999)] } },
    sent('driver_id', int64(1), int64(999)),
    feature('rate', present(double(1 / 7)), missing),
  ),
  collision_short_names: refuses(
    { features: scores, entities: driver3 },
    'INVALID_ARGUMENT',
    'DUPLICATE_FEATURE_NAMES',
    '"score"',
    ...scores,
  ),
  collision_full_names: answers(
    { features: scores, entities: driver3, fullNames: true },
    sent('driver_id', int64(3)),
    feature('collide_a__score', present(double(3))),
    feature('collide_b__score', present(double(30))),
  ),
  service_collision_short: refuses(
    { service: 'collide', entities: driver3 },
    'INVALID_ARGUMENT',
    'DUPLICATE_FEATURE_NAMES',
    '"score"',
    ...scores,
  ),
  service_collision_full: answers(
    { service: 'collide', entities: driver3, fullNames: true },
    sent('driver_id', int64(3)),
    feature('collide_a__score', present(double(3))),
    feature('collide_b__score', present(double(30))),
  ),
  service_alias_full: answers(
    { service: 'alias', entities: driver3, fullNames: true },
    sent('driver_id', int64(3)),
    feature('renamed_a__score', present(double(3))),
    feature('collide_b__score', present(double(30))),
  ),
  service_subset: answers(
    { service: 'subset', entities: { driver_id: [int64(3), int64(4)] } },
    sent('driver_id', int64(3), int64(4)),
    feature('trips', expired(int64(6)), expired(int64(8))),
    feature('i64', present(int64(BEYOND_DOUBLE + 3n)), present(int64(BEYOND_DOUBLE + 4n))),
  ),
  string_key: answers(
    { features: ['by_name:pop'], entities: { city: [string('city7'), string('nowhere')] } },
    sent('city', string('city7'), string('nowhere')),
    feature('pop', present(int64(7000)), missing),
  ),
  int32_key_as_int32: answers(
    { features: ['by_int32:density'], entities: { zone: [int32(7)] } },
    sent('zone', int32(7)),
    feature('density', present(double(10.5))),
  ),
  int32_key_as_int64: answers(
    { features: ['by_int32:density'], entities: { zone: [int64(7)] } },
    sent('zone', int64(7)),
    feature('density', present(double(10.5))),
  ),
  entity_name_instead_of_join_key: answers(
    { features: ['collide_a:score'], entities: { driver: [int64(3)] } },
    sent('driver', int64(3)),
    feature('score', present(double(3))),
  ),
  entityless_no_entities: answers(
    { features: ['global_stats:g1', 'global_stats:g2'] },
    feature('g1', present(int64(42))),
    feature('g2', present(string('all'))),
  ),
  entityless_entities_empty: answers(
    { features: ['global_stats:g1', 'global_stats:g2'], entities: {} },
    feature('g1', present(int64(42))),
    feature('g2', present(string('all'))),
  ),
  entityless_with_row: answers(
    { features: ['global_stats:g1', 'collide_a:score'], entities: { driver_id: [int64(3), int64(4)] } },
    sent('driver_id', int64(3), int64(4)),
    feature('g1', present(int64(42)), present(int64(42))),
    feature('score', present(double(3)), present(double(4))),
  ),
  all_types: answers(
    { features: Object.keys(stored).map((name) => `types:${name}`), entities: { driver_id: trio } },
    sent('driver_id', ...trio),
    ...Object.keys(stored).map((name) => feature(name, ...storedCells(name))),
  ),
  ...Object.fromEntries(Object.keys(stored).map((name) => [`type_${name}`, typeCase(name)])),
  odfv_with_context: refuses(
    { features: ['sum_on_demand:plus'], entities: driver3, context: { x: [double(1.5)] } },
    'UNIMPLEMENTED',
    'ON_DEMAND_NOT_SERVED',
    'sum_on_demand',
  ),
  odfv_context_in_entities: refuses(
    { features: ['sum_on_demand:plus'], entities: { ...driver3, x: [double(1.5)] } },
    'UNIMPLEMENTED',
    'ON_DEMAND_NOT_SERVED',
    'sum_on_demand',
  ),
  odfv_without_context: refuses(
    { features: ['sum_on_demand:plus'], entities: driver3 },
    'UNIMPLEMENTED',
    'ON_DEMAND_NOT_SERVED',
    'sum_on_demand',
  ),
};
