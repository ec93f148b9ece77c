import {
  type EntityKeyDeclaration,
  type SurrogateAlgorithm,
  surrogateAlgorithms,
} from '../config/entity-key-schema.ts';
import { entityKeysInForce } from '../definitions/surrogate-key.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import type { ExactJson } from '../encoding/json-exact.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import { type ColumnValue, columnText, surrogateKey } from '../serving/surrogate-key.ts';
import { entityHash } from '../stores/mlforge/mlforge-layout.ts';
import { valueFromMember } from '../stores/mlforge/mlforge-values.ts';
import type { HashedRow, OnlineStore, OnlineTable } from '../stores/online-store.ts';
import { type Finding, noRows, type RowCheck } from './doctor-finding.ts';
import { tableView } from './table-view.ts';

const SAMPLE = 20;

/** Looks at some rows of a table whose keys are hashes: whether their values fit, and how surrogate keys were made. */
export async function hashedRowFindings({ store, table, registry, config, timeoutMs }: RowCheck): Promise<Finding[]> {
  const rows = (await store.sampleHashedRows?.(table, SAMPLE, { deadline: Date.now() + timeoutMs })) ?? [];
  if (rows.length === 0) return [noRows(table, 'Run `mlforge build --online` or `sideboard write`.')];
  const findings = [...valueFindings(table, rows), ...ttlFindings(store, table, registry)];
  const { entityKeys } = entityKeysInForce(config.sideboard.entityKeys, registry);
  for (const declaration of entityKeys.values()) {
    if (!table.joinKeys.includes(declaration.joinKey)) continue;
    const configured = config.sideboard.entityKeys.includes(declaration);
    findings.push(surrogateFinding(table, declaration, rows, configured));
  }
  if (findings.every(({ result }) => result === 'ok')) {
    findings.unshift({
      check: 'rows',
      result: 'ok',
      message: `${table.name}: values fit the registry (${rows.length} sampled)`,
    });
  }
  return findings;
}

function valueFindings(table: OnlineTable, rows: readonly HashedRow[]): Finding[] {
  return table.features.flatMap(({ name, valueType }): Finding[] => {
    const problems = rows.flatMap(({ members }) => {
      const member = members.get(name);
      return member === undefined ? [] : (misfit(member, valueType) ?? []);
    });
    const [first] = problems;
    if (first === undefined) return [];
    return [
      {
        check: 'rows',
        result: 'warning',
        message: `${table.name}: ${problems.length} of ${rows.length} sampled rows hold values of ${name} that do not fit. ${first}`,
        advice: 'Requests for them are refused. Give the feature the type of what is stored.',
      },
    ];
  });
}

function misfit(member: ExactJson, type: OnlineTable['features'][number]['valueType']): string | undefined {
  try {
    valueFromMember(member, type);
    return undefined;
  } catch (error) {
    if (error instanceof EncodingError) return error.message;
    throw error;
  }
}

function ttlFindings(store: OnlineStore, table: OnlineTable, registry: RegistrySnapshot): Finding[] {
  const ttl = tableView(table, registry)?.ttlSeconds ?? 0;
  if (ttl === 0 || store.capabilities.eventTimes !== false) return [];
  return [
    {
      check: 'rows',
      result: 'warning',
      message: `${table.name}: the view's ttl is not applied, because its rows have no event time`,
      advice: 'Let the store forget rows: give it a time to live, and build the rows before they end.',
    },
  ];
}

/** Finds the algorithm that made a row's key from the columns that mlforge stored beside its features. */
function surrogateFinding(
  table: OnlineTable,
  declaration: EntityKeyDeclaration,
  rows: readonly HashedRow[],
  configured: boolean,
): Finding {
  const { joinKey, algorithm, fromColumns } = declaration;
  const where = `${table.name}: ${joinKey}`;
  const whole =
    table.joinKeys.length === 1 ? rows.filter(({ members }) => fromColumns.every((name) => members.has(name))) : [];
  if (whole.length === 0) {
    return {
      check: 'rows',
      result: 'warning',
      message: `${where} is made by ${algorithm}; whether the rows were cannot be told`,
      advice: `It can be where rows of this one join key hold ${fromColumns.join(', ')} as well.`,
    };
  }
  const made = surrogateAlgorithms.map(
    (name) => [name, whole.filter((row) => isMadeBy(name, declaration, row)).length] as const,
  );
  const [best, count] = made.reduce((a, b) => (b[1] > a[1] ? b : a));
  const own = made.find(([name]) => name === algorithm)?.[1] ?? 0;
  if (own === whole.length) {
    return { check: 'rows', result: 'ok', message: `${where} was made by ${algorithm} (${whole.length} sampled)` };
  }
  if (count === 0) {
    return {
      check: 'rows',
      result: 'failed',
      message: `${where} was made by no algorithm that is known here, or from other columns (${whole.length} sampled)`,
      advice: `Check the names and the order of the columns. Rows made with polars 2.1 or later cannot be found by their columns: let callers send ${joinKey} itself.`,
    };
  }
  return {
    check: 'rows',
    result: 'failed',
    message: `${where} was made by ${best} in ${count} of ${whole.length} sampled rows, by ${algorithm} in ${own}`,
    advice: configured
      ? `Set sideboard.entity_keys.${joinKey}.algorithm: ${best}, or build the rows again.`
      : `Set the algorithm of the entity's surrogate_key to ${best} and apply it, or build the rows again.`,
  };
}

function isMadeBy(algorithm: SurrogateAlgorithm, declaration: EntityKeyDeclaration, row: HashedRow): boolean {
  const texts: (string | null)[] = [];
  for (const name of declaration.fromColumns) {
    const value = columnValue(row.members.get(name));
    const text = value === undefined ? undefined : columnText(value, algorithm);
    if (text === undefined) return false;
    texts.push(text);
  }
  return entityHash([[declaration.joinKey, surrogateKey(algorithm, texts)]]) === row.entityHash;
}

function columnValue(member: ExactJson | undefined): ColumnValue | undefined {
  if (typeof member === 'number') return { float: member, bits: 64 };
  return typeof member === 'object' && member !== null ? undefined : member;
}
