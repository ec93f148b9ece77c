/** Who calls, as far as a verified token says. Feast's policies look at roles, groups and namespaces. */
export interface Caller {
  /** For the log. */
  readonly name: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** Of Kubernetes. */
  readonly namespaces: readonly string[];
}

/** A call, as far as it matters who makes it. */
export interface CallByCaller {
  /** Nothing where nobody asks that. */
  readonly caller?: Caller | undefined;
}

/** A caller who shows no token, where none is required. */
export const anonymousCaller: Caller = Object.freeze({ name: '', roles: [], groups: [], namespaces: [] });
