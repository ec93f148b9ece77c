/** A secret that can be recognised wherever it comes out, in the forms that programs give to secrets. */
export class Canaries {
  readonly #secrets = new Map<string, string>();
  readonly #seen: { readonly where: string; readonly text: string }[] = [];

  /** A new secret. @param what names it in findings */
  create(what: string): string {
    const secret = `cAnArY${this.#secrets.size}q${Math.random().toString(36).slice(2, 12).padEnd(10, 'z')}`;
    this.#secrets.set(what, secret);
    return secret;
  }

  /** Takes what came out somewhere. */
  see(where: string, text: string): void {
    this.#seen.push({ where, text });
  }

  /** Which secrets came out, and where. */
  findings(): string[] {
    const found: string[] = [];
    for (const { where, text } of this.#seen) {
      for (const [what, secret] of this.#secrets) {
        const form = formsOf(secret).find((each) => text.toLowerCase().includes(each.toLowerCase()));
        if (form === undefined) continue;
        const at = text.toLowerCase().indexOf(form.toLowerCase());
        found.push(`${what} in ${where}: …${text.slice(Math.max(0, at - 80), at + form.length + 40)}…`);
      }
    }
    return found;
  }

  /** How much was looked at, so that a test can tell that there was something. */
  get characters(): number {
    return this.#seen.reduce((sum, { text }) => sum + text.length, 0);
  }
}

/** Plain, or in base64 (at every offset, without the characters that its neighbours decide), or hexadecimal. */
function formsOf(secret: string): string[] {
  const base64 = ['', 'x', 'xx'].map((before, offset) =>
    Buffer.from(before + secret)
      .toString('base64')
      .slice(offset === 0 ? 0 : 4, -4),
  );
  return [secret, ...base64, Buffer.from(secret).toString('hex')];
}
