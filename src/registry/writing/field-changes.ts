import { type DescMessage, type JsonObject, type JsonValue, type MessageShape, toJson } from '@bufbuild/protobuf';

/** A field of an object that is to change. */
export interface FieldChange {
  /** Names as in the registry's protocol, with dots; entries of lists by their own name: `features.trips.value_type`. */
  readonly field: string;
  /** `undefined` where there was nothing. */
  readonly from: string | undefined;
  /** `undefined` where there will be nothing. */
  readonly to: string | undefined;
}

/** Fields that hold a copy of a whole data source, which the plan shows in its own place. */
const copies: ReadonlySet<string> = new Set(['batch_source', 'stream_source']);

/** Fields that are lists or maps of things with names. */
const maps: ReadonlySet<string> = new Set([
  'tags',
  'field_mapping',
  'join_key_map',
  'features',
  'feature_columns',
  'entity_columns',
]);

/** What differs between two messages, field by field, in the order of the protocol. */
export function fieldChanges<T extends DescMessage>(
  schema: T,
  before: MessageShape<T>,
  after: MessageShape<T>,
): readonly FieldChange[] {
  const json = (message: MessageShape<T>): JsonValue => toJson(schema, message, { useProtoFieldName: true });
  return [...differences('', json(before), json(after))];
}

function* differences(
  path: string,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
  isEntry = false,
): Generator<FieldChange> {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  const field = path.slice(path.lastIndexOf('.') + 1);
  if (!isEntry && copies.has(field)) {
    yield copyChange(path, before, after);
    return;
  }
  // Lists and maps that are empty on one side are shown entry by entry, an entry that is new or goes away as a whole.
  const empty = !isEntry && maps.has(field) ? new Map<string, JsonValue>() : undefined;
  const [left, right] = [before, after].map((value) => (value === undefined ? empty : entriesOf(value)));
  if (left === undefined || right === undefined) {
    // JSON leaves out what is false.
    const absent = before === true || after === true ? false : undefined;
    yield { field: path, from: textOf(before ?? absent), to: textOf(after ?? absent) };
    return;
  }
  const areEntries = Array.isArray(before) || Array.isArray(after) || maps.has(field);
  const changes = [...new Set([...left.keys(), ...right.keys()])].flatMap((name) => [
    ...differences(path === '' ? name : `${path}.${name}`, left.get(name), right.get(name), areEntries && !isEntry),
  ]);
  if (changes.length > 0) yield* changes;
  else if (namesOf(left) !== namesOf(right) && Array.isArray(before)) {
    yield { field: path, from: namesOf(left), to: namesOf(right) };
  }
}

/** Members of an object, or entries of a list whose entries have names; nothing for what can only be shown as a whole. */
function entriesOf(value: JsonValue): ReadonlyMap<string, JsonValue> | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const entries = new Map<string, JsonValue>();
  for (const each of value) {
    const name = isObject(each) ? (each.name ?? each.feature_view_name_alias ?? each.feature_view_name) : undefined;
    if (typeof name !== 'string' || entries.has(name)) return undefined;
    entries.set(name, each);
  }
  return entries;
}

function copyChange(path: string, before: JsonValue | undefined, after: JsonValue | undefined): FieldChange {
  const [from, to] = [sourceName(before), sourceName(after)];
  return { field: path, from, to: from === to && to !== undefined ? `${to} (changed)` : to };
}

function sourceName(source: JsonValue | undefined): string | undefined {
  return isObject(source) ? String(source.name ?? '(without a name)') : undefined;
}

function textOf(value: JsonValue | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  if (!isObject(value)) return JSON.stringify(value);
  // An entry of a list: its name stands in the path.
  const { name: _, ...members } = value;
  const { value_type: valueType, ...others } = members;
  return typeof valueType === 'string' && Object.keys(others).length === 0 ? valueType : JSON.stringify(members);
}

function namesOf(entries: ReadonlyMap<string, JsonValue>): string {
  return [...entries.keys()].join(', ');
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
