import { readFile } from 'node:fs/promises';
import { fromBinary } from '@bufbuild/protobuf';
import { type Value, ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { inferValueType } from '../encoding/value.ts';
import { parseJsonExact, valueFromJson } from '../encoding/value-json.ts';
import { valueTypeInfo } from '../encoding/value-type.ts';
import { jsonFromText } from '../ingest/text-value.ts';
import type { FeatureViewSpec, RegistrySnapshot } from '../registry/registry-snapshot.ts';
import { CliError } from './cli-error.ts';
import type { GetOptions } from './get-command.ts';
import type { Io } from './io.ts';

/** Columns of a request by name. */
export type EntityColumns = Readonly<Record<string, Value[]>>;

/**
 * The entities of a command line, each value in the type of its join key.
 * @throws CliError `CLI_USAGE`, naming the option and never a value
 */
export async function entityColumns(options: GetOptions, registry: RegistrySnapshot, io: Io): Promise<EntityColumns> {
  const types = entityTypes(options, registry);
  const columns = new Map<string, Value[]>();
  const add = (name: string, values: readonly unknown[], where: string): void => {
    const column = columns.get(name) ?? [];
    columns.set(name, column);
    for (const value of values) column.push(typed(value, types.get(name), where));
  };
  for (const text of options.entity) {
    const split = text.indexOf('=');
    if (split <= 0) {
      throw new CliError('CLI_USAGE', `--entity "${text}" is not written name=value,value.`, {
        hint: 'Write for example --entity driver_id=1001,1002.',
      });
    }
    const name = text.slice(0, split).trim();
    add(name, text.slice(split + 1).split(','), `--entity ${name}`);
  }
  if (options.entities !== undefined) {
    const file = options.entities;
    for (const [name, values] of columnsFromJson(await readJson(file, io), file)) {
      add(name, values, `--entities ${file}, "${name}"`);
    }
  }
  return Object.fromEntries(columns);
}

/** Types by every name that a column may have: join keys, entities, and the names that services give to join keys. */
function entityTypes(options: GetOptions, registry: RegistrySnapshot): ReadonlyMap<string, ValueType_Enum> {
  const types = new Map<string, ValueType_Enum>();
  const add = (view: FeatureViewSpec | undefined, joinKeyMap?: ReadonlyMap<string, string>): void => {
    for (const key of view?.joinKeys ?? []) {
      for (const name of [joinKeyMap?.get(key.name), key.name, key.entity]) {
        if (name !== undefined && !types.has(name)) types.set(name, key.valueType);
      }
    }
  };
  // What is asked for comes first: two views may give one name different types.
  const service = options.service === undefined ? undefined : registry.services.get(options.service);
  for (const projection of service?.projections ?? []) {
    add(registry.views.get(projection.viewName), projection.joinKeyMap);
  }
  for (const reference of options.features ?? []) add(registry.views.get(reference.split(/[@:]/)[0] ?? ''));
  for (const view of registry.views.values()) add(view);
  return types;
}

function typed(value: unknown, type: ValueType_Enum | undefined, where: string): Value {
  // A name that the registry does not know is refused by whoever plans the request; its type does not matter.
  const wanted = type ?? inferValueType(value) ?? ValueType_Enum.STRING;
  const info = valueTypeInfo(wanted);
  try {
    const json = typeof value === 'string' && info !== undefined ? jsonFromText(value, info) : value;
    return fromBinary(ValueSchema, valueFromJson(json, wanted));
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new CliError('CLI_USAGE', `${where}: ${cause.message}`, {
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause,
    });
  }
}

async function readJson(file: string, io: Io): Promise<unknown> {
  let text: string;
  try {
    text = file === '-' ? await readAll(io.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new CliError('CLI_USAGE', `--entities ${file} cannot be read (${code}).`, { cause });
  }
  try {
    return parseJsonExact(text.replace(/^\ufeff/, ''));
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new CliError('CLI_USAGE', `--entities ${file}: ${cause.message}`, { cause });
  }
}

async function readAll(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Either columns, or rows that all have the same names. */
function columnsFromJson(json: unknown, file: string): ReadonlyMap<string, readonly unknown[]> {
  const wrong = (what: string): CliError =>
    new CliError('CLI_USAGE', `--entities ${file}: ${what}.`, {
      hint: 'Write {"driver_id": [1001, 1002]} or [{"driver_id": 1001}, {"driver_id": 1002}].',
    });
  if (json instanceof Map) {
    for (const [name, values] of json) if (!Array.isArray(values)) throw wrong(`"${name}" is not a list`);
    return json as Map<string, unknown[]>;
  }
  if (!Array.isArray(json)) throw wrong('it is neither an object of columns nor a list of rows');
  const columns = new Map<string, unknown[]>();
  for (const [index, row] of json.entries()) {
    if (!(row instanceof Map)) throw wrong(`row ${index} is not an object`);
    for (const [name, value] of row) {
      const column = columns.get(name) ?? [];
      if (column.length !== index) throw wrong(`row ${index} has "${name}", which a row before it lacks`);
      columns.set(name, [...column, value]);
    }
    for (const [name, column] of columns) if (column.length !== index + 1) throw wrong(`row ${index} lacks "${name}"`);
  }
  return columns;
}
