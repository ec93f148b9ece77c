import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { parse } from 'yaml';
import { type EntityKey, EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import type { OnlineTable } from '../../src/stores/online-store.ts';
import { readGolden } from './golden.ts';

/** A key of a recorded Redis `dump.jsonl`. */
export interface DumpedHash {
  readonly key_hex: string;
  readonly ttl_seconds: number;
  readonly decoded_entity_key: JsonValue;
  readonly decoded_project: string;
  readonly fields: readonly DumpedField[];
}

export interface DumpedField {
  readonly field_hex: string;
  readonly value_hex: string;
  /** `<view>:<feature>` or `_ts:<view>`. */
  readonly field: string;
  readonly event_timestamp?: { readonly seconds: number; readonly nanos: number };
}

/** A line of a recorded SQLite `rows.jsonl`. */
export interface RecordedRow {
  readonly table: string;
  readonly entity_key: { readonly hex: string };
  readonly feature_name: string;
  readonly value: { readonly hex: string };
  readonly value_text: string | null;
  readonly vector_value: null;
  readonly event_ts: number;
  readonly created_ts: number | null;
}

export function goldenProject(store: string, repo: string): string {
  const config = parse(readGolden(store, repo, 'repo', 'feature_store.yaml').toString('utf8')) as { project: string };
  return config.project;
}

/** A table with these features; stores do not look at their types. */
export function tableWith(
  project: string,
  name: string,
  joinKeys: readonly string[],
  features: Iterable<string>,
): OnlineTable {
  const typed = [...features].map((feature) => ({ name: feature, valueType: ValueType_Enum.INVALID }));
  return { project, name, joinKeys, features: typed };
}

export function entityKeyFromJson(json: JsonValue): EntityKey {
  return fromJson(EntityKeySchema, json);
}
