import { addresses } from './addresses.fuzz.ts';
import { authorizationHeader } from './authorization-header.fuzz.ts';
import { clientNames } from './client-names.fuzz.ts';
import { requestedEntityKey, storedEntityKey } from './entity-key.fuzz.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { grpcHeaders, grpcMessages } from './grpc-message.fuzz.ts';
import { hpack } from './hpack.fuzz.ts';
import { http2Frames } from './http2-frames.fuzz.ts';
import { identityAnswers } from './identity-answers.fuzz.ts';
import { ingestWrite } from './ingest-write.fuzz.ts';
import { json } from './json.fuzz.ts';
import { onlineFeatures } from './online-features.fuzz.ts';
import { precomputedVector } from './precomputed-vector.fuzz.ts';
import { push, writeToOnlineStore } from './push.fuzz.ts';
import { redisReplies } from './redis-replies.fuzz.ts';
import { registry } from './registry.fuzz.ts';
import { csv, jsonLines, timestamps } from './rows.fuzz.ts';
import { dynamodbAnswer, gatheredRow, mlforgeRow } from './stored-rows.fuzz.ts';
import { storedValue } from './stored-value.fuzz.ts';
import { jwt, tokenFile } from './tokens.fuzz.ts';
import { traceContext } from './trace-context.fuzz.ts';
import { definitionsYaml, definitionTexts, featureStoreYaml } from './yaml.fuzz.ts';

/** Everything that takes bytes or text from outside apart. The HTTP door of probes has no entry: its parser is Node's. */
export const fuzzTargets: readonly FuzzTarget[] = [
  onlineFeatures,
  push,
  writeToOnlineStore,
  ingestWrite,
  grpcMessages,
  grpcHeaders,
  http2Frames,
  hpack,
  redisReplies,
  storedEntityKey,
  requestedEntityKey,
  storedValue,
  precomputedVector,
  gatheredRow,
  dynamodbAnswer,
  mlforgeRow,
  registry,
  definitionsYaml,
  featureStoreYaml,
  definitionTexts,
  addresses,
  authorizationHeader,
  jsonLines,
  csv,
  timestamps,
  json,
  jwt,
  tokenFile,
  identityAnswers,
  clientNames,
  traceContext,
];
