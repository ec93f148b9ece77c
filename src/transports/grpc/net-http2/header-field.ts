import { markHeaders } from '../call-marks.ts';

/** What a request's header field is to this server. */
export const FieldKind = {
  /** Nothing it looks at. */
  OTHER: 0,
  /** Not allowed in a request: malformed characters, a connection's own header, an unknown pseudo-header. */
  MALFORMED: 1,
  METHOD: 2,
  SCHEME: 3,
  AUTHORITY: 4,
  PATH: 5,
  CONTENT_TYPE: 6,
  CONTENT_LENGTH: 7,
  TE: 8,
  TIMEOUT: 9,
  ENCODING: 10,
  AUTHORIZATION: 11,
  TRACEPARENT: 12,
  TRACESTATE: 13,
  REQUEST_ID: 14,
} as const;

const kindOfName: ReadonlyMap<string, number> = new Map([
  [':method', FieldKind.METHOD],
  [':scheme', FieldKind.SCHEME],
  [':authority', FieldKind.AUTHORITY],
  [':path', FieldKind.PATH],
  ['content-type', FieldKind.CONTENT_TYPE],
  ['content-length', FieldKind.CONTENT_LENGTH],
  ['te', FieldKind.TE],
  ['grpc-timeout', FieldKind.TIMEOUT],
  ['grpc-encoding', FieldKind.ENCODING],
  ['authorization', FieldKind.AUTHORIZATION],
  [markHeaders.traceparent, FieldKind.TRACEPARENT],
  [markHeaders.tracestate, FieldKind.TRACESTATE],
  [markHeaders.requestId, FieldKind.REQUEST_ID],
  // RFC 9113, section 8.2.2: these speak of a connection of HTTP/1.
  ['connection', FieldKind.MALFORMED],
  ['keep-alive', FieldKind.MALFORMED],
  ['proxy-connection', FieldKind.MALFORMED],
  ['transfer-encoding', FieldKind.MALFORMED],
  ['upgrade', FieldKind.MALFORMED],
]);

/** What RFC 7541, section 4.1, adds to the lengths of name and value. */
const FIELD_OVERHEAD = 32;

/** A decoded header field. Fields of the compression tables are judged once and used by many calls. */
export class HeaderField {
  readonly name: string;
  /** One character per byte. */
  readonly value: string;
  /** As the compression table counts it. */
  readonly size: number;
  /** One of {@link FieldKind}. */
  readonly kind: number;
  /** Kind of the name alone, for fields that borrow it. */
  readonly nameKind: number;

  constructor(name: string, value: string, nameKind: number) {
    this.name = name;
    this.value = value;
    this.size = name.length + value.length + FIELD_OVERHEAD;
    this.nameKind = nameKind;
    this.kind = nameKind !== FieldKind.MALFORMED && isFieldValue(value) ? nameKind : FieldKind.MALFORMED;
  }
}

/** @param name one character per byte */
export function kindOfFieldName(name: string): number {
  const known = kindOfName.get(name);
  if (known !== undefined) return known;
  return isRegularName(name) ? FieldKind.OTHER : FieldKind.MALFORMED;
}

/** Characters of a token (RFC 9110, section 5.6.2) without capital letters, which HTTP/2 forbids. */
const inName = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") inName[character.charCodeAt(0)] = 1;

/** Pseudo-headers that are not known fail here too: a colon is in no token. */
function isRegularName(name: string): boolean {
  for (let at = 0; at < name.length; at++) if (inName[name.charCodeAt(at)] === 0) return false;
  return name.length > 0;
}

/** RFC 9113, section 8.2.1; other control characters are not for HTTP either (RFC 9110, section 5.5). */
function isFieldValue(value: string): boolean {
  const last = value.length - 1;
  for (let at = 0; at <= last; at++) {
    const code = value.charCodeAt(at);
    if (code > 0x20 && code !== 0x7f) continue;
    if ((code !== 0x20 && code !== 0x09) || at === 0 || at === last) return false;
  }
  return true;
}
