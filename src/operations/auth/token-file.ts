import { createHash, timingSafeEqual } from 'node:crypto';
import type { Caller } from '../../registry/access/caller.ts';
import { WatchedFiles } from '../../transports/watched-files.ts';
import { AuthError } from './auth-error.ts';
import { TOKEN_CHARACTERS, type TokenVerifier, type VerifiedToken } from './token-verifier.ts';

interface ListedToken {
  readonly digest: Buffer;
  readonly verified: VerifiedToken;
}

const MAX_BYTES = 1024 * 1024;
const MIN_TOKEN_LENGTH = 16;
const LINE = /^([A-Za-z0-9._@/-]+):(?:sha256:([0-9a-fA-F]{64})|(\S+))((?:\s+(?:roles|groups|namespaces)=\S*)*)$/;
const SHA256 = 'sha256:';
const SENDABLE = new RegExp(`^${TOKEN_CHARACTERS}+$`);

export interface TokenFileEvents {
  /** Other tokens count from now on. */
  readonly onReload: () => void;
  /** The changed file cannot be used: the tokens before it stay. Told once for each change. */
  readonly onReloadFailed: (error: unknown) => void;
  readonly lookMs?: number;
}

/** Tokens that stand in a file, or their SHA-256: see {@link tokensFromText}. Replaced while the process runs. */
export class TokenFile implements TokenVerifier {
  readonly #files: WatchedFiles;
  #tokens: readonly ListedToken[];

  private constructor(files: WatchedFiles, tokens: readonly ListedToken[]) {
    this.#files = files;
    this.#tokens = tokens;
  }

  /** @throws AuthError `AUTH_CONFIG_INVALID` */
  static async open(path: string, { onReload, onReloadFailed, lookMs }: TokenFileEvents): Promise<TokenFile> {
    let file: TokenFile | undefined;
    const failed = (cause: unknown): AuthError => {
      const { code } = cause as NodeJS.ErrnoException;
      return new AuthError('AUTH_CONFIG_INVALID', `sideboard.auth.tokens_file cannot be read: ${path} (${code}).`, {
        hint: 'Check the path and the permissions of the file.',
        cause,
      });
    };
    const files = await WatchedFiles.open([path], {
      onChange([content]) {
        if (file === undefined) return;
        try {
          file.#tokens = tokensFromText(content ?? Buffer.alloc(0));
          onReload();
        } catch (error) {
          onReloadFailed(error);
        }
      },
      onError: (cause) => onReloadFailed(failed(cause)),
      ...(lookMs === undefined ? {} : { lookMs }),
    }).catch((cause: unknown) => {
      throw failed(cause);
    });
    try {
      file = new TokenFile(files, tokensFromText(files.contents[0] ?? Buffer.alloc(0)));
      return file;
    } catch (error) {
      files.close();
      throw error;
    }
  }

  /** Every token of the list is compared, each in the same time whatever it has in common with the one that came. */
  verify(token: string): VerifiedToken | undefined {
    const digest = sha256(token);
    let found: VerifiedToken | undefined;
    for (const each of this.#tokens) if (timingSafeEqual(each.digest, digest)) found = each.verified;
    return found;
  }

  /** Looks at the file now. */
  look(): Promise<void> {
    return this.#files.look();
  }

  close(): void {
    this.#files.close();
  }
}

/**
 * Reads lines of `name:sha256:HEX` or `name:TOKEN`, each with `roles=a,b`, `groups=…` and `namespaces=…` behind it as needed. Empty
 * lines and lines that begin with `#` mean nothing.
 * @throws AuthError `AUTH_CONFIG_INVALID`, naming the line and nothing of what it says
 */
export function tokensFromText(content: Buffer): readonly ListedToken[] {
  if (content.length > MAX_BYTES) throw unusable(`sideboard.auth.tokens_file has more than ${MAX_BYTES} bytes.`);
  const tokens: ListedToken[] = [];
  for (const [at, line] of content.toString('utf8').split('\n').entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const [, name, digest, token, more = ''] = LINE.exec(text) ?? [];
    const place = `sideboard.auth.tokens_file, line ${at + 1}:`;
    if (name === undefined || token?.startsWith(SHA256)) {
      throw unusable(
        `${place} expected name:sha256:HEX or name:TOKEN, and roles=…, groups=… or namespaces=… behind it.`,
      );
    }
    if (token !== undefined && token.length < MIN_TOKEN_LENGTH) {
      throw unusable(`${place} the token has fewer than ${MIN_TOKEN_LENGTH} characters.`);
    }
    if (token !== undefined && !SENDABLE.test(token)) {
      throw unusable(
        `${place} the token has characters that no bearer token can have: only letters, digits and ._~+/=:- pass.`,
      );
    }
    tokens.push({
      digest: digest === undefined ? sha256(token ?? '') : Buffer.from(digest, 'hex'),
      verified: { caller: callerFrom(name, more), rememberUntil: Number.POSITIVE_INFINITY },
    });
  }
  return tokens;
}

function callerFrom(name: string, more: string): Caller {
  const lists = new Map(
    more.split(/\s+/).map((part) => {
      const [kind = '', names = ''] = part.split('=', 2);
      return [kind, names.split(',').filter((each) => each !== '')] as const;
    }),
  );
  const list = (kind: string): readonly string[] => lists.get(kind) ?? [];
  return Object.freeze({ name, roles: list('roles'), groups: list('groups'), namespaces: list('namespaces') });
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function unusable(message: string): AuthError {
  return new AuthError('AUTH_CONFIG_INVALID', message, {
    hint: 'docs/reference/security.md has the form of the file.',
  });
}
