import { isIP, isIPv6 } from 'node:net';

/** A name of a certificate, by the kind under which it stands there. */
interface AlternativeName {
  readonly kind: string;
  readonly value: string;
}

/**
 * Whether a certificate has one of the names, exactly: wildcards mean nothing here, and the subject's common name is not looked at.
 * A name with `://` is a URI (a SPIFFE id), one with `@` an e-mail address, an IP address is one, and everything else a DNS name.
 * @param subjectAltName as node's `X509Certificate` shows it
 */
export function hasAllowedName(subjectAltName: string | undefined, allowed: readonly string[]): boolean {
  const names = alternativeNames(subjectAltName ?? '');
  return allowed.some((wanted) => {
    const kind = kindOf(wanted);
    const text = comparable(kind, wanted);
    return names.some((name) => name.kind === kind && comparable(kind, name.value) === text);
  });
}

/** DNS names know no case. Of an IPv6 address node shows every group, in capitals, and whoever configures one writes it shorter. */
function comparable(kind: string, name: string): string {
  if (kind === 'DNS') return name.toLowerCase();
  return kind === 'IP Address' && isIPv6(name) && !name.includes('%') ? new URL(`http://[${name}]`).hostname : name;
}

function kindOf(name: string): string {
  if (name.includes('://')) return 'URI';
  if (isIP(name) !== 0) return 'IP Address';
  return name.includes('@') ? 'email' : 'DNS';
}

/** `DNS:a.b, URI:"spiffe://x,y"`: a value with anything unusual in it stands in quotes, as JSON. */
function alternativeNames(text: string): AlternativeName[] {
  const names: AlternativeName[] = [];
  for (const [, kind = '', quoted, plain = ''] of text.matchAll(
    /(?:^|, )([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))/g,
  )) {
    names.push({ kind, value: quoted === undefined ? plain : fromJson(quoted) });
  }
  return names;
}

/** Anything else in the quotes is not a name that could be allowed. */
function fromJson(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return '';
  }
}
