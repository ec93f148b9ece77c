import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { deserializeEntityKey, entityKeyVersionOf } from '../encoding/entity-key.ts';
import { valueArm } from '../encoding/value.ts';
import { armOfValueType, valueTypeName, valueTypeOfArm } from '../encoding/value-type.ts';
import { SideboardError } from '../errors.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import { classifyStoredValue, StoredKind } from '../serving/stored-value.ts';
import type { OnlineTable, StoredRow } from '../stores/online-store.ts';
import { errorCheck, type Finding, noRows, type RowCheck } from './doctor-finding.ts';
import { hashedRowFindings } from './hashed-row-check.ts';
import { tableView } from './table-view.ts';

const SAMPLE = 100;
const READ = 20;

/** Looks at some rows of a table: under which keys they stand, of which types their values are, how old they are. */
export async function checkRows(check: RowCheck): Promise<readonly Finding[]> {
  try {
    return await (check.store.sampleHashedRows === undefined ? rowFindings(check) : hashedRowFindings(check));
  } catch (error) {
    if (error instanceof SideboardError) return [errorCheck('rows', error, check.table.name)];
    throw error;
  }
}

async function rowFindings({ store, table, registry, config, timeoutMs }: RowCheck): Promise<Finding[]> {
  if (store.sampleKeys === undefined) return [];
  const keys = await store.sampleKeys(table, SAMPLE, { deadline: Date.now() + timeoutMs });
  const current = keys.filter((key) => entityKeyVersionOf(key, table.joinKeys) === 3);
  const older = keys.filter((key) => entityKeyVersionOf(key, table.joinKeys) === 2);
  const rows = await store.onlineRead(table, current.slice(0, READ).map(deserializeEntityKey), undefined, {
    deadline: Date.now() + timeoutMs,
  });
  const read = rows.filter((row) => row !== undefined);
  const isEmpty = keys.length === 0 || (read.length === 0 && current.length > 0);
  return [
    ...keyFindings(table, keys.length, current.length, older.length, config),
    ...(isEmpty ? [noRows(table, 'Run `feast materialize` or `sideboard write`.')] : []),
    ...valueFindings(table, read),
    ...ageFindings(table, read, registry),
  ];
}

function keyFindings(
  { name }: OnlineTable,
  sampled: number,
  current: number,
  older: number,
  config: FeatureStoreConfig,
): Finding[] {
  const findings: Finding[] = [];
  if (older > 0) {
    const fallback = config.sideboard.entityKeyFallback === 'v2';
    findings.push({
      check: 'rows',
      result: fallback ? 'warning' : 'failed',
      message: `${name}: ${older} of ${sampled} sampled keys are of serialization version 2`,
      advice: fallback
        ? 'They are found with a second look-up. Write the rows anew with entity_key_serialization_version: 3.'
        : 'They are not found. Set sideboard.entity_key_fallback: v2, or write the rows anew with version 3.',
    });
  }
  const unknown = sampled - current - older;
  if (unknown > 0) {
    findings.push({
      check: 'rows',
      result: 'warning',
      message: `${name}: ${unknown} of ${sampled} sampled keys are not keys of ${name}'s join keys`,
      advice: 'They are never found: the view had other join keys, or something else writes there.',
    });
  }
  if (findings.length === 0 && sampled > 0) {
    findings.push({ check: 'rows', result: 'ok', message: `${name}: keys of version 3 (${sampled} sampled)` });
  }
  return findings;
}

/** By the rule by which serving judges values, so that what is found here is what requests will meet. */
function valueFindings(table: OnlineTable, rows: readonly StoredRow[]): Finding[] {
  const findings: Finding[] = [];
  for (const { name, valueType } of table.features) {
    const others = new Set<string>();
    let damaged = 0;
    for (const row of rows) {
      const value = row.values.get(name);
      if (value === undefined) continue;
      const kind = classifyStoredValue(value, 0, value.length, armOfValueType(valueType));
      if (kind === StoredKind.corrupt) damaged++;
      else if (kind === StoredKind.otherType) others.add(valueTypeName(valueTypeOfArm(valueArm(value))));
    }
    if (damaged > 0) {
      findings.push({
        check: 'rows',
        result: 'failed',
        message: `${table.name}: ${damaged} of ${rows.length} sampled rows hold bytes for ${name} that are not a valid value`,
        advice: 'Requests for them are refused. Find out what else writes to this store, then materialize again.',
      });
    }
    if (others.size > 0) {
      findings.push({
        check: 'rows',
        result: 'warning',
        message: `${table.name}: stored values of ${name} are ${[...others].join(', ')}, the registry says ${valueTypeName(valueType)}`,
        advice:
          'Materialize again. Until then they are refused, or passed on with sideboard.serving.stored_types: as-stored.',
      });
    }
  }
  return findings;
}

function ageFindings(table: OnlineTable, rows: readonly StoredRow[], registry: RegistrySnapshot): Finding[] {
  const ttl = tableView(table, registry)?.ttlSeconds ?? 0;
  if (ttl === 0 || rows.length === 0) return [];
  const oldest = Date.now() / 1000 - ttl;
  const expired = rows.filter((row) => row.eventTimestamp.seconds < oldest).length;
  if (expired === 0) return [];
  return [
    {
      check: 'rows',
      result: 'warning',
      message: `${table.name}: ${expired} of ${rows.length} sampled rows are older than the view's ttl`,
      advice: 'They are answered as OUTSIDE_MAX_AGE. Materialize newer rows, or see sideboard.serving.ttl.',
    },
  ];
}
