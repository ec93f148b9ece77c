import { fromBinary } from '@bufbuild/protobuf';
import {
  GetOnlineFeaturesRequestSchema,
  GetOnlineFeaturesResponseSchema,
} from '../../../gen/feast/serving/ServingService_pb.ts';
import { goldenFolders, readGoldenLines } from '../../support/golden.ts';
import { type Answer, answerFromResponse } from '../../support/online-features-client.ts';

/** The stores whose answers the tables of docs/reference/compatibility.md are about. */
export const recordedStores = ['redis', 'sqlite'] as const;
export type RecordedStore = (typeof recordedStores)[number];

/** One gRPC call that Feast's Python server was recorded answering. */
export interface RecordedCall<Store extends string = RecordedStore> {
  readonly store: Store;
  readonly repo: string;
  readonly id: string;
  /** What it is about, in a few words. */
  readonly note: string;
  /** When it was sent, in milliseconds since the Unix epoch: what a TTL is measured from. */
  readonly at: number;
  readonly request: Uint8Array;
  /** Column names and feature names in the order asked for; no features where a service was asked for. */
  readonly columns: readonly string[];
  readonly features: readonly string[];
  /** `undefined` where Feast failed. */
  readonly answer: Answer | undefined;
}

interface RecordedLine {
  readonly id: string;
  readonly note: string;
  readonly at?: string;
  readonly grpc?: { readonly request_hex: string; readonly code: string; readonly response_hex?: string };
}

/** Lines without a time of their own were recorded within this hour; none of them depends on it. */
const RECORDED = Date.UTC(2026, 10, 21, 13, 30);

/** Repos with recorded answers for a store. */
export const recordedRepos = (store: string): readonly string[] => goldenFolders(store);

/** The recorded gRPC calls of a repo. Requests that only HTTP can express are left out. */
export function recordedCalls<Store extends string>(store: Store, repo: string): readonly RecordedCall<Store>[] {
  return readGoldenLines<RecordedLine>(store, repo, 'answers.jsonl').flatMap((line) => {
    if (line.grpc?.request_hex === undefined) return [];
    const request = Buffer.from(line.grpc.request_hex, 'hex');
    const { entities, kind } = fromBinary(GetOnlineFeaturesRequestSchema, request);
    const reply = line.grpc.response_hex;
    return {
      store,
      repo,
      id: line.id,
      note: line.note,
      at: line.at === undefined ? RECORDED : Date.parse(line.at),
      request,
      columns: Object.keys(entities),
      features: kind.case === 'features' ? kind.value.val.map((reference) => reference.replace(/^[^:]*:/, '')) : [],
      answer:
        reply === undefined
          ? undefined
          : answerFromResponse(fromBinary(GetOnlineFeaturesResponseSchema, Buffer.from(reply, 'hex'))),
    };
  });
}
