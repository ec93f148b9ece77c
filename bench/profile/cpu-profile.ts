/** A `.cpuprofile` as V8 writes it (`node --cpu-prof`), the fields that are read here. Times are in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly samples: readonly number[];
  /** Time since the sample before, or since `startTime` for the first. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** Counted from 0. */
  readonly lineNumber: number;
}

/** Self time of one place in the call tree. */
export interface SelfTime {
  /** From the function itself up to the root. */
  readonly stack: readonly CallFrame[];
  readonly micros: number;
}

/** Self times of all functions between two moments of the monotonic clock, in microseconds. */
export function selfTimesBetween(profile: CpuProfile, beganUs: number, endedUs: number): readonly SelfTime[] {
  const micros = new Map<number, number>();
  let now = profile.startTime;
  for (let index = 0; index < profile.samples.length; index++) {
    now += profile.timeDeltas[index] ?? 0;
    if (now < beganUs || now >= endedUs) continue;
    const id = profile.samples[index] ?? 0;
    // A sample stands for the time until the next one.
    const lasted = Math.min(profile.timeDeltas[index + 1] ?? 0, endedUs - now);
    micros.set(id, (micros.get(id) ?? 0) + lasted);
  }
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)),
  );
  return [...micros].flatMap(([id, each]) => {
    const node = nodes.get(id);
    return node === undefined ? [] : [{ stack: stackOf(node, parents), micros: each }];
  });
}

function stackOf(leaf: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): readonly CallFrame[] {
  const stack: CallFrame[] = [];
  for (let node: ProfileNode | undefined = leaf; node !== undefined; node = parents.get(node.id)) {
    stack.push(node.callFrame);
  }
  return stack;
}
