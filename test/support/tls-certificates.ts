import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of a certificate and its key, PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** Subject alternative names as openssl writes them: `IP:127.0.0.1,DNS:a.b`. */
  readonly names: string;
  /** Ended yesterday. */
  readonly expired?: boolean;
}

/** A certificate authority of one test, made by openssl in a folder. */
export class TestAuthority {
  /** The file with its certificate. */
  readonly file: string;
  readonly #folder: string;
  readonly #name: string;
  #count = 0;

  constructor(folder: string, name = 'ca') {
    this.#folder = folder;
    this.#name = name;
    this.file = this.#path('pem');
    const subject = ['-subj', `/CN=test authority ${name}`];
    this.#openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-keyout',
      this.#path('key'),
      '-out',
      this.file,
      '-days',
      '2',
      ...subject,
    );
  }

  get certificate(): Buffer {
    return readFileSync(this.file);
  }

  issue({ names, expired = false }: CertificateRequest): CertificateFiles {
    const base = `${this.#name}-${++this.#count}`;
    const path = (ending: string): string => join(this.#folder, `${base}.${ending}`);
    this.#openssl('req', ...NEW_KEY, '-keyout', path('key'), '-out', path('csr'), '-subj', `/CN=${base}`);
    writeFileSync(path('cnf'), `subjectAltName=${names}\n`);
    const signing = ['-CA', this.file, '-CAkey', this.#path('key'), '-CAcreateserial', '-extfile', path('cnf')];
    // A negative number of days ends in the past, with all versions of openssl.
    this.#openssl('x509', '-req', '-in', path('csr'), ...signing, '-out', path('pem'), '-days', expired ? '-1' : '2');
    return { cert: path('pem'), key: path('key') };
  }

  #path(ending: string): string {
    return join(this.#folder, `${this.#name}.${ending}`);
  }

  #openssl(...args: string[]): void {
    try {
      execFileSync('openssl', args, { stdio: 'pipe' });
    } catch (error) {
      throw new Error(`openssl ${args[0]} failed: is the package openssl installed?`, { cause: error });
    }
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
