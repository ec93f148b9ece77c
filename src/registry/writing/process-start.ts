import { readFile } from 'node:fs/promises';

/** When a process started, as the system counts it: tells it from a later one of the same number. `undefined` where unknown. */
export async function processStartOf(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'latin1');
    // proc(5): field 22. The second one is the command's name in parentheses, which may itself hold spaces and parentheses.
    return text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .at(19);
  } catch {
    return undefined;
  }
}
