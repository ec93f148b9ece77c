import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type FieldStatus,
  FieldStatusSchema,
  GetOnlineFeaturesRequestSchema,
  type GetOnlineFeaturesResponse,
  type GetOnlineFeaturesResponse_FeatureVector,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import { type Value, ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { formatTimestamp } from '../encoding/timestamp.ts';
import { valueToJson } from '../encoding/value-json.ts';
import { OnlineFeatures } from '../serving/online-features.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './command-context.ts';
import { openProject } from './composition.ts';
import { entityColumns } from './entity-columns.ts';
import type { GetOptions } from './get-command.ts';
import { servingPolicyFromConfig } from './serving-policy-from-config.ts';
import { textTable } from './text-table.ts';

/** Answers one request in this process, through the same code as the server. */
export async function get(options: GetOptions, { io, globals }: CommandContext): Promise<void> {
  if ((options.features ?? []).length === 0 && options.service === undefined) {
    throw new CliError('CLI_USAGE', 'Neither --features nor --service says what to get.', {
      hint: '"sideboard inspect" lists what there is.',
    });
  }
  const project = await openProject({ location: globals(), env: io.env, warn: io.warn });
  try {
    const registry = project.registry.current();
    const columns = await entityColumns(options, registry, io);
    const request = create(GetOnlineFeaturesRequestSchema, {
      kind:
        options.service !== undefined
          ? { case: 'featureService', value: options.service }
          : { case: 'features', value: { val: [...(options.features ?? [])] } },
      entities: Object.fromEntries(Object.entries(columns).map(([name, val]) => [name, { val }])),
      fullFeatureNames: options.fullFeatureNames === true,
    });
    const features = new OnlineFeatures({
      registry: () => registry,
      store: project.store,
      policy: servingPolicyFromConfig(project.config),
    });
    const timeout = options.timeout ?? project.config.sideboard.grpc.defaultDeadlineMs;
    const answer = await features.getOnlineFeatures(toBinary(GetOnlineFeaturesRequestSchema, request), {
      deadline: Date.now() + timeout,
    });
    const response = fromBinary(GetOnlineFeaturesResponseSchema, answer);
    if (options.json === true) io.out(responseJson(response));
    else io.out(responseTable(response, Object.keys(columns), io.stdoutIsTerminal ? io.columns : undefined));
  } finally {
    await project.close();
  }
}

/** The answer in the form of Feast's HTTP server. */
function responseJson(response: GetOnlineFeaturesResponse): string {
  const results = response.results.map((vector) => {
    const values = vector.values.map(valueText).join(',');
    const statuses = JSON.stringify(vector.statuses.map(statusName));
    const times = JSON.stringify(vector.values.map((_, row) => timeText(vector, row)));
    return `{"values":[${values}],"statuses":${statuses},"event_timestamps":${times}}`;
  });
  const names = JSON.stringify(response.metadata?.featureNames?.val ?? []);
  return `{"metadata":{"feature_names":${names}},"results":[${results.join(',')}]}`;
}

/** One line per entity row and feature: what was sent, then the feature with its status and event time. */
function responseTable(response: GetOnlineFeaturesResponse, sent: readonly string[], width?: number): string {
  const names = response.metadata?.featureNames?.val ?? [];
  const vectors = names.map((name, index) => ({ name, vector: response.results[index] }));
  const entities = vectors.slice(0, sent.filter((name) => names.includes(name)).length);
  const rows: string[][] = [];
  const count = vectors[0]?.vector?.values.length ?? 0;
  for (let row = 0; row < count; row++) {
    const keys = entities.map(({ vector }) => shownText(vector?.values[row]));
    for (const { name, vector } of vectors.slice(entities.length)) {
      const status = vector?.statuses[row];
      if (vector === undefined || status === undefined) continue;
      rows.push([...keys, name, shownText(vector.values[row]), statusName(status), shownTime(vector, row)]);
    }
  }
  return textTable([...entities.map(({ name }) => name), 'feature', 'value', 'status', 'event time'], rows, width);
}

function valueText(value: Value): string {
  return valueToJson(toBinary(ValueSchema, value));
}

/** As JSON, but texts without quotes, and a dash for what is not there. */
function shownText(value: Value | undefined): string {
  if (value === undefined || value.val.case === undefined) return '-';
  return value.val.case === 'stringVal' ? value.val.value : valueText(value);
}

function timeText(vector: GetOnlineFeaturesResponse_FeatureVector, row: number): string {
  const time = vector.eventTimestamps[row];
  return formatTimestamp(Number(time?.seconds ?? 0n), time?.nanos ?? 0);
}

/** 1970 stands for "no time" in the protocol. */
function shownTime(vector: GetOnlineFeaturesResponse_FeatureVector, row: number): string {
  const text = timeText(vector, row);
  return text === '1970-01-01T00:00:00Z' ? '-' : text;
}

function statusName(status: FieldStatus): string {
  return FieldStatusSchema.value[status]?.name ?? String(status);
}
