import { strict as assert } from 'node:assert';
import type { Value } from '../../../gen/feast/types/Value_pb.ts';
import {
  bool,
  double,
  float,
  floatList,
  int32,
  int64,
  int64List,
  nothing,
  string,
  timestamp,
} from '../../support/feature-values.ts';
import { type Ask, SERVING_METHOD } from '../../support/online-features-client.ts';
import { answers, type BehaviourCase, type BehaviourCases, refusedCall, refuses } from './behaviour-case.ts';
import { feature, missing, present, sent, storedNull } from './expected-answer.ts';

const CONV_RATE = 'driver_hourly_stats:conv_rate';
const ALL_STATS = [CONV_RATE, 'driver_hourly_stats:acc_rate', 'driver_hourly_stats:avg_daily_trips'];
const rate = { 1001: present(float(0.84937656)), 1002: present(float(0.31747872)) };
const driver = (...ids: (number | bigint)[]) => ({ driver_id: ids.map(int64) });

/** Driver 1001 is asked for by this value, and found. */
function finds(value: Value): BehaviourCase {
  return answers(
    { features: [CONV_RATE], entities: { driver_id: [value] } },
    sent('driver_id', value),
    feature('conv_rate', rate[1001]),
  );
}

/** The entity value cannot identify a driver: the message names column and row, not the value. */
function refusesValues(row: number, ...values: readonly Value[]): BehaviourCase {
  return refusesBadRequest(
    { features: [CONV_RATE], entities: { driver_id: values } },
    'INVALID_ENTITY_VALUE',
    '"driver_id"',
    `Row ${row}`,
    'INT64',
  );
}

function refusesBadRequest(ask: Ask, code: string, ...culprits: readonly string[]): BehaviourCase {
  return refuses(ask, 'INVALID_ARGUMENT', code, ...culprits);
}

function refusesReference(reference: string, status: string, code: string, ...culprits: readonly string[]) {
  return refuses({ features: [reference], entities: driver(1001) }, status, code, ...culprits);
}

function refusesBytes(message: Uint8Array, code: string): BehaviourCase {
  return (client) => refusedCall(client.call(SERVING_METHOD, message), 'INVALID_ARGUMENT', code);
}

/** `emb` of user 1, by the formula of the fixture's rows.py. */
const embedding = Array.from({ length: 16 }, (_, index) => {
  const fraction = ((7919 + index * 104729) % 9973) / 9973;
  return Math.round((fraction * 6 - 3) * 1e6) / 1e6;
});

const statsOf1001 = [
  feature('conv_rate', rate[1001]),
  feature('acc_rate', present(float(0.9547877))),
  feature('avg_daily_trips', present(int64(548))),
];

export const benchCases: BehaviourCases = {
  ok_service: answers(
    { service: 'driver_activity', entities: driver(1001) },
    sent('driver_id', int64(1001)),
    ...statsOf1001,
  ),
  ok_refs: answers(
    { features: ALL_STATS, entities: driver(1001, 1002) },
    sent('driver_id', int64(1001), int64(1002)),
    feature('conv_rate', rate[1001], rate[1002]),
    feature('acc_rate', present(float(0.9547877)), present(float(0.07246772))),
    feature('avg_daily_trips', present(int64(548)), present(int64(652))),
  ),
  full_names: answers(
    { features: ALL_STATS, entities: driver(1001), fullNames: true },
    sent('driver_id', int64(1001)),
    ...statsOf1001.map((column) => ({ ...column, name: `driver_hourly_stats__${column.name}` })),
  ),
  unknown_entity_service: answers(
    { service: 'driver_activity', entities: driver(999999999) },
    sent('driver_id', int64(999999999)),
    feature('conv_rate', missing),
    feature('acc_rate', missing),
    feature('avg_daily_trips', missing),
  ),
  unknown_and_known_entity: answers(
    { features: [CONV_RATE], entities: driver(999999999, 1001, -1) },
    sent('driver_id', int64(999999999), int64(1001), int64(-1)),
    feature('conv_rate', missing, rate[1001], missing),
  ),
  known_hash_but_view_missing_row: answers(
    { features: ['user_sparse:maybe_score', 'user_sparse:maybe_label'], entities: { user_id: [int64(7777)] } },
    sent('user_id', int64(7777)),
    feature('maybe_score', missing),
    feature('maybe_label', missing),
  ),
  null_feature_values: answers(
    {
      features: ['user_sparse:maybe_score', 'user_sparse:maybe_label'],
      entities: { user_id: [int64(1), int64(2), int64(3)] },
    },
    sent('user_id', int64(1), int64(2), int64(3)),
    feature('maybe_score', storedNull, present(double(0.39517882804437476)), storedNull),
    feature('maybe_label', present(string('L1')), present(string('L2')), storedNull),
  ),
  missing_view: refusesReference('nope:conv_rate', 'NOT_FOUND', 'UNKNOWN_FEATURE_VIEW', '"nope"'),
  missing_feature: refusesReference('driver_hourly_stats:nope', 'NOT_FOUND', 'UNKNOWN_FEATURE', '"nope"'),
  one_good_one_missing_feature: refuses(
    { features: [CONV_RATE, 'driver_hourly_stats:nope'], entities: driver(1001) },
    'NOT_FOUND',
    'UNKNOWN_FEATURE',
    '"nope"',
    '"driver_hourly_stats"',
  ),
  ref_without_colon: refusesReference('conv_rate', 'INVALID_ARGUMENT', 'INVALID_FEATURE_REFERENCE', '"conv_rate"'),
  ref_two_colons: refusesReference(`${CONV_RATE}:x`, 'NOT_FOUND', 'UNKNOWN_FEATURE', '"conv_rate:x"'),
  ref_empty_string: refusesReference('', 'INVALID_ARGUMENT', 'INVALID_FEATURE_REFERENCE', '""'),
  ref_version_suffix: refusesReference(
    'driver_hourly_stats@v1:conv_rate',
    'INVALID_ARGUMENT',
    'VERSIONING_DISABLED',
    'driver_hourly_stats@v1:conv_rate',
    'enable_online_feature_view_versioning',
  ),
  unknown_feature_service: refuses(
    { service: 'fs_nope', entities: driver(1001) },
    'NOT_FOUND',
    'UNKNOWN_FEATURE_SERVICE',
    '"fs_nope"',
  ),
  empty_feature_service: refusesBadRequest({ service: '', entities: driver(1001) }, 'NO_FEATURES_REQUESTED'),
  entity_value_numeric_string: finds(string('1001')),
  entity_value_text: refusesValues(0, string('abc')),
  entity_value_double: finds(double(1001)),
  entity_value_double_fraction: refusesValues(0, double(1001.5)),
  entity_value_bool: refusesValues(0, bool(true)),
  entity_value_int32: finds(int32(1001)),
  entity_value_null: refusesValues(0, nothing),
  entity_value_null_mixed: refusesValues(1, int64(1001), nothing),
  entity_value_list: refusesValues(0, int64List(1001)),
  entity_value_mixed_types: answers(
    { features: [CONV_RATE], entities: { driver_id: [int64(1001), string('1002')] } },
    sent('driver_id', int64(1001), string('1002')),
    feature('conv_rate', rate[1001], rate[1002]),
  ),
  entity_value_int64_max: answers(
    { features: [CONV_RATE], entities: driver(2n ** 63n - 1n) },
    sent('driver_id', int64(2n ** 63n - 1n)),
    feature('conv_rate', missing),
  ),
  entity_value_over_int64: async (client) => {
    await refusesValues(0, string('9223372036854775808'))(client);
    await refusesValues(0, double(2 ** 63))(client);
  },
  unequal_lengths: refusesBadRequest(
    { features: ['user_driver_stats:affinity'], entities: { user_id: [int64(1), int64(2)], ...driver(8) } },
    'UNEVEN_COLUMNS',
    '"user_id"',
    '2',
    '"driver_id"',
    '1',
  ),
  unequal_lengths_other_way: refusesBadRequest(
    { features: ['user_driver_stats:affinity'], entities: { user_id: [int64(1)], ...driver(8, 15) } },
    'UNEVEN_COLUMNS',
    '"user_id"',
    '"driver_id"',
  ),
  mixed_views_two_entities: answers(
    { features: [CONV_RATE, 'user_stats:i00'], entities: { user_id: [int64(1), int64(2)], ...driver(8, 15) } },
    sent('user_id', int64(1), int64(2)),
    sent('driver_id', int64(8), int64(15)),
    feature('conv_rate', present(float(0.4517044)), present(float(0.8487679))),
    feature('i00', present(int64(-588678380313)), present(int64(721512108365))),
  ),
  missing_join_key: refusesBadRequest(
    { features: ['user_stats:i00'], entities: driver(1001) },
    'MISSING_JOIN_KEY',
    '"user_id"',
    '"user_stats"',
  ),
  composite_half_key: refusesBadRequest(
    { features: ['user_driver_stats:affinity'], entities: { user_id: [int64(1)] } },
    'MISSING_JOIN_KEY',
    '"driver_id"',
    '"user_driver_stats"',
  ),
  extra_entity_key: refusesBadRequest(
    { features: [CONV_RATE], entities: { ...driver(1001), user_id: [int64(1)] } },
    'UNKNOWN_ENTITY_COLUMN',
    '"user_id"',
  ),
  extra_unknown_key: refusesBadRequest(
    { features: [CONV_RATE], entities: { ...driver(1001), whatever: [int64(1)] } },
    'UNKNOWN_ENTITY_COLUMN',
    '"whatever"',
  ),
  no_entities: refusesBadRequest({ features: [CONV_RATE], entities: {} }, 'MISSING_JOIN_KEY', '"driver_id"'),
  entities_absent: refusesBadRequest({ features: [CONV_RATE] }, 'MISSING_JOIN_KEY', '"driver_id"'),
  empty_entity_list: answers({ features: [CONV_RATE], entities: driver() }, sent('driver_id'), feature('conv_rate')),
  no_features: refusesBadRequest({ features: [], entities: driver(1001) }, 'NO_FEATURES_REQUESTED'),
  kind_not_set: refusesBadRequest({ entities: driver(1001) }, 'NO_FEATURES_REQUESTED'),
  no_features_no_entities: refusesBadRequest({ features: [] }, 'NO_FEATURES_REQUESTED'),
  nothing_at_all: refusesBadRequest({}, 'NO_FEATURES_REQUESTED'),
  duplicate_refs: refusesBadRequest(
    { features: [CONV_RATE, CONV_RATE], entities: driver(1001) },
    'DUPLICATE_FEATURE_NAMES',
    '"conv_rate"',
    CONV_RATE,
  ),
  duplicate_rows: answers(
    { features: [CONV_RATE], entities: driver(1001, 1001, 1002, 1001) },
    sent('driver_id', int64(1001), int64(1001), int64(1002), int64(1001)),
    feature('conv_rate', rate[1001], rate[1001], rate[1002], rate[1001]),
  ),
  version_metadata: async (client) => {
    assert.deepEqual(await client.ask({ features: [CONV_RATE], entities: driver(1001), versions: true }), {
      columns: [sent('driver_id', int64(1001)), feature('conv_rate', rate[1001])],
      versions: [{ name: 'driver_hourly_stats', version: 0 }],
    });
  },
  array_and_timestamp: answers(
    {
      features: ['user_stats:emb', 'user_stats:s0', 'user_stats:last_seen', 'user_stats:d00'],
      entities: { user_id: [int64(1)] },
    },
    sent('user_id', int64(1)),
    feature('emb', present(floatList(...embedding))),
    feature('s0', present(string('s0-1-xxxx'))),
    feature('last_seen', present(timestamp(1759900412))),
    feature('d00', present(double(-155.91049462140805))),
  ),
  feature_order_service: async (client) => {
    const byService = await client.ask({ service: 'driver_activity', entities: driver(1) });
    const named = byService.columns.map((column) => column.name);
    assert.deepEqual(named, ['driver_id', 'conv_rate', 'acc_rate', 'avg_daily_trips']);
    const byReference = await client.ask({ features: [...ALL_STATS].reverse(), entities: driver(1) });
    assert.deepEqual(byReference.columns, [
      sent('driver_id', int64(1)),
      feature('avg_daily_trips', present(int64(872))),
      feature('acc_rate', present(float(0.82016575))),
      feature('conv_rate', present(float(0.81157494))),
    ]);
  },
  entity_as_feature_ref: refusesReference(
    'driver_hourly_stats:driver_id',
    'NOT_FOUND',
    'UNKNOWN_FEATURE',
    '"driver_id"',
  ),
  rows_1000: async (client) => {
    const ids = Array.from({ length: 1000 }, (_, index) => index + 1);
    const { columns } = await client.ask({ features: [CONV_RATE], entities: driver(...ids) });
    const [drivers, rates] = columns;
    assert.deepEqual(drivers, sent('driver_id', ...ids.map(int64)));
    assert.deepEqual(
      rates?.statuses,
      ids.map((id) => (id <= 200 ? 'PRESENT' : 'NOT_FOUND')),
    );
    const expected = [0.81157494, 0.50670165, 0.10412012].map((each) => present(float(each)));
    assert.deepEqual(rates?.values.slice(0, 3), feature('conv_rate', ...expected).values);
    assert.deepEqual(
      [rates?.values[7], rates?.values[14]],
      feature('', present(float(0.4517044)), present(float(0.8487679))).values,
    );
    assert.deepEqual(
      rates?.values.slice(200),
      ids.slice(200).map(() => ({})),
    );
  },
  grpc_malformed_bytes: refusesBytes(Uint8Array.of(0xff, 0xff, 0xff), 'MALFORMED_REQUEST'),
  grpc_empty_message: refusesBytes(new Uint8Array(), 'NO_FEATURES_REQUESTED'),
  grpc_unknown_method: async (client) => {
    await refusedCall(client.call('/feast.serving.ServingService/Nope', new Uint8Array()), 'UNIMPLEMENTED', '', 'Nope');
    // The connection still serves.
    const reply = await client.call('/feast.serving.ServingService/GetFeastServingInfo', new Uint8Array());
    assert.ok(reply.length > 0);
  },
  http_malformed_json: refusesBytes(Buffer.from('{"features": '), 'MALFORMED_REQUEST'),
};
